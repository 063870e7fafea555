"""Sequence numbers that wrap."""

from __future__ import annotations

import pytest
from aiortc.utils import uint16_gt
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.rtp.sequence import distance, is_newer, unwrap

sequences = st.integers(0, 0xFFFF)


@pytest.mark.parametrize(
    ("older", "newer", "apart"),
    [
        (5, 5, 0),
        (5, 6, 1),
        (6, 5, -1),
        (65535, 0, 1),
        (0, 65535, -1),
        (65000, 1000, 1536),
        (0, 32767, 32767),
        (0, 32768, -32768),
    ],
)
def test_a_distance_is_the_shorter_way_round(older: int, newer: int, apart: int) -> None:
    assert distance(older, newer) == apart


def test_the_number_after_the_wrap_is_newer() -> None:
    assert is_newer(0, 65535)
    assert not is_newer(65535, 0)


def test_no_number_is_newer_than_itself() -> None:
    assert not is_newer(7, 7)


def test_half_a_cycle_apart_neither_is_newer() -> None:
    assert not is_newer(32768, 0)
    assert not is_newer(0, 32768)


@given(sequences, sequences)
def test_newer_is_a_positive_distance(candidate: int, reference: int) -> None:
    assert is_newer(candidate, reference) == (distance(reference, candidate) > 0)


@given(sequences, sequences)
def test_of_two_different_numbers_one_is_newer(one: int, other: int) -> None:
    if one != other and abs(one - other) != 0x8000:
        assert is_newer(one, other) != is_newer(other, one)
        assert is_newer(one, other) == uint16_gt(one, other)


@given(sequences, st.integers(-32768, 32767))
def test_going_a_distance_arrives(older: int, apart: int) -> None:
    assert distance(older, (older + apart) & 0xFFFF) == apart


@given(st.integers(0, 2**32 - 1), st.integers(-32768, 32767))
def test_unwrapping_finds_the_extended_number_nearby(highest: int, apart: int) -> None:
    assert unwrap(highest, (highest + apart) & 0xFFFF) == highest + apart


def test_a_stream_is_unwrapped_over_many_cycles() -> None:
    extended = 65000

    for number in range(65001, 65001 + 200_000, 7):
        extended = unwrap(extended, number & 0xFFFF)

        assert extended == number


def test_a_number_from_before_the_first_cycle_is_negative() -> None:
    assert unwrap(2, 65535) == -1
