"""Arithmetic of 16-bit sequence numbers that wrap (RFC 3550 appendix A.1, RFC 1982)."""

from __future__ import annotations


def distance(older: int, newer: int) -> int:
    """How far `newer` is ahead of `older`: from -32768 to 32767."""
    ahead = (newer - older) & 0xFFFF
    return ahead - 0x10000 if ahead & 0x8000 else ahead


def is_newer(candidate: int, reference: int) -> bool:
    """Whether `candidate` comes after `reference`."""
    return distance(reference, candidate) > 0


def unwrap(highest_extended: int, sequence: int) -> int:
    """The extended number of `sequence`, the one nearest to the highest that was seen."""
    return highest_extended + distance(highest_extended & 0xFFFF, sequence)
