"""Arithmetic of 16-bit sequence numbers that wrap (RFC 3550 appendix A.1, RFC 1982)."""

from __future__ import annotations


def distance(older: int, newer: int) -> int:
    """How far `newer` is ahead of `older`: from -32768 to 32767."""
    return ((newer - older + 0x8000) & 0xFFFF) - 0x8000


def is_newer(candidate: int, reference: int) -> bool:
    """Whether `candidate` comes after `reference`. Half a cycle apart, neither does."""
    return 0 < (candidate - reference) & 0xFFFF < 0x8000


def unwrap(highest_extended: int, sequence: int) -> int:
    """The extended number of `sequence`, the one nearest to the highest that was seen.

    Negative when it comes from before the first cycle.
    """
    return highest_extended + distance(highest_extended & 0xFFFF, sequence)
