"""Packets come out in the order of their numbers, after a wait that is bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.transcode.order import (
    MAX_STALE_IN_ROW,
    WINDOW_PACKETS,
    ReorderWindow,
)

SEQUENCES = st.integers(0, 0xFFFF)


def put_all(window: ReorderWindow[int], sequences: list[int]) -> list[int]:
    """What comes out for these numbers, each packet being its own number."""
    return [packet for s in sequences for _, packet in window.put(s & 0xFFFF, s & 0xFFFF)]


@given(first=SEQUENCES)
def test_packets_in_order_pass_at_once(first: int) -> None:
    window: ReorderWindow[int] = ReorderWindow()

    for step in range(10):
        sequence = (first + step) & 0xFFFF
        assert [packet for _, packet in window.put(sequence, sequence)] == [sequence]


@given(first=SEQUENCES, delay=st.integers(1, WINDOW_PACKETS - 1))
def test_a_packet_that_was_overtaken_by_less_than_the_window_gets_its_place(
    first: int, delay: int
) -> None:
    window: ReorderWindow[int] = ReorderWindow()
    overtaking = list(range(first + 2, first + 2 + delay))

    out = put_all(window, [first, *overtaking, first + 1, first + 2 + delay])

    assert out == [(first + step) & 0xFFFF for step in range(delay + 3)]
    assert window.late == 0


@given(first=SEQUENCES)
def test_a_missing_packet_is_given_up_when_a_window_of_newer_ones_has_come(first: int) -> None:
    window: ReorderWindow[int] = ReorderWindow()
    put_all(window, [first])

    waited = put_all(window, [first + 2, first + 3])
    released = put_all(window, [first + 4])

    assert waited == []
    assert released == [(first + step) & 0xFFFF for step in (2, 3, 4)]


def test_a_packet_that_was_given_up_is_late_and_counted() -> None:
    window: ReorderWindow[int] = ReorderWindow()
    put_all(window, [1, 3, 4, 5])

    assert put_all(window, [2]) == []
    assert window.late == 1


def test_a_packet_that_comes_twice_comes_out_once() -> None:
    window: ReorderWindow[int] = ReorderWindow()

    out = put_all(window, [1, 3, 3, 2])

    assert out == [1, 2, 3]
    assert window.duplicated == 1


def test_the_first_packet_may_have_been_overtaken_but_is_late_then() -> None:
    window: ReorderWindow[int] = ReorderWindow()

    assert put_all(window, [2, 1, 3]) == [2, 3]


def test_flushing_gives_out_what_is_held_in_order() -> None:
    window: ReorderWindow[int] = ReorderWindow()
    put_all(window, [1, 4, 3])

    flushed = [packet for _, packet in window.flush()]

    assert flushed == [3, 4]
    assert not window.is_holding


def test_a_source_that_begins_to_count_anew_is_followed_after_some_packets() -> None:
    window: ReorderWindow[int] = ReorderWindow()
    put_all(window, [30_000])

    out = put_all(window, list(range(5, 5 + MAX_STALE_IN_ROW + 2)))

    assert out == [4 + MAX_STALE_IN_ROW, 5 + MAX_STALE_IN_ROW, 6 + MAX_STALE_IN_ROW]


def test_another_stream_begins_at_any_number() -> None:
    window: ReorderWindow[int] = ReorderWindow()
    put_all(window, [30_000, 30_002])

    window.begin()

    assert put_all(window, [5, 6]) == [5, 6]


@given(st.lists(SEQUENCES, max_size=60))
def test_extended_numbers_grow_whatever_comes(sequences: list[int]) -> None:
    window: ReorderWindow[int] = ReorderWindow()

    numbers = [number for s in sequences for number, _ in window.put(s, s)]

    assert numbers == sorted(set(numbers))


@given(st.lists(SEQUENCES, max_size=60))
def test_fewer_packets_than_the_window_wait_at_any_time(sequences: list[int]) -> None:
    window: ReorderWindow[int] = ReorderWindow()
    inside = 0

    for sequence in sequences:
        before = window.late + window.duplicated
        given_out = len(window.put(sequence, sequence))
        inside += 1 - given_out - (window.late + window.duplicated - before)
        assert inside < WINDOW_PACKETS
