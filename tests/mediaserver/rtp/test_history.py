"""What NACK is answered with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.rtp.history import MAX_CAPACITY_PACKETS, MAX_RESENDS, SentHistory


def packet(sequence: int) -> bytes:
    return f"packet {sequence}".encode()


def sent(sequences: range, capacity_packets: int = 64) -> SentHistory:
    history = SentHistory(capacity_packets)
    for sequence in sequences:
        history.store(sequence & 0xFFFF, packet(sequence & 0xFFFF))
    return history


def test_a_packet_that_was_sent_is_found() -> None:
    history = sent(range(100, 110))

    assert history.find(105) == packet(105)
    assert (history.resent, history.refused, history.missing) == (1, 0, 0)


@pytest.mark.parametrize("sequence", [0, 99, 110, 164, 65535])
def test_a_packet_that_was_never_sent_is_missing(sequence: int) -> None:
    history = sent(range(100, 110))

    assert history.find(sequence) is None
    assert (history.resent, history.refused, history.missing) == (0, 0, 1)


def test_nothing_is_found_before_something_is_sent() -> None:
    assert SentHistory(64).find(0) is None


def test_a_packet_is_forgotten_a_ring_later() -> None:
    history = sent(range(65))

    assert history.find(0) is None
    assert history.find(1) == packet(1)


@pytest.mark.parametrize("capacity_packets", [1, 2, 3, 50, 64, 100, 128])
def test_as_many_packets_are_kept_as_were_asked_for_across_the_wrap(
    capacity_packets: int,
) -> None:
    last = 65536 + 20
    history = sent(range(65000, last + 1), capacity_packets)

    for sequence in range(last - capacity_packets + 1, last + 1):
        assert history.find(sequence & 0xFFFF) == packet(sequence & 0xFFFF)


@pytest.mark.parametrize("capacity_packets", [0, -1, MAX_CAPACITY_PACKETS + 1])
def test_a_capacity_that_no_ring_can_have_is_refused(capacity_packets: int) -> None:
    with pytest.raises(ValueError, match="capacity"):
        SentHistory(capacity_packets)


def test_one_packet_is_sent_again_only_so_often() -> None:
    history = sent(range(100, 110))

    answers = [history.find(105) for _ in range(MAX_RESENDS + 2)]

    assert answers == [packet(105)] * MAX_RESENDS + [None, None]
    assert (history.resent, history.refused, history.missing) == (MAX_RESENDS, 2, 0)


def test_a_packet_that_is_refused_does_not_refuse_others() -> None:
    history = sent(range(100, 110))
    for _ in range(MAX_RESENDS + 1):
        history.find(105)

    assert history.find(106) == packet(106)


def test_the_next_packet_in_a_place_has_its_own_budget() -> None:
    history = sent(range(64))
    for _ in range(MAX_RESENDS + 1):
        history.find(5)

    history.store(5 + 64, packet(5 + 64))

    assert history.find(5 + 64) == packet(5 + 64)


@given(st.integers(0, 0xFFFF), st.integers(1, 300), st.integers(0, 0xFFFF))
def test_what_is_found_is_what_was_sent_under_that_number(
    first: int, count: int, asked: int
) -> None:
    history = sent(range(first, first + count))

    found = history.find(asked)

    is_recent = (first + count - 1 - asked) & 0xFFFF < min(count, 64)
    assert found == (packet(asked) if is_recent else None)
