"""A listener gets the packets as they came, under an SSRC and sequence numbers of its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mediaserver.relay.builders import (
    LISTENER,
    OTHER_SPEAKER,
    PACKET_NS,
    PACKET_UNITS,
    SPEAKER,
    Packet,
    a_subscription,
    send,
)

SEQUENCES = st.integers(0, 0xFFFF)
TIMESTAMPS = st.integers(0, 0xFFFFFFFF)
STEPS = st.lists(st.integers(-200, 3000), min_size=1, max_size=40)


def wrap(sequence: int) -> int:
    """A sequence number as it is on the wire."""
    return sequence & 0xFFFF


@given(first=SEQUENCES, speaker_first=SEQUENCES)
def test_the_first_packet_leaves_with_the_first_sequence_number(
    first: int, speaker_first: int
) -> None:
    subscription = a_subscription(first_sequence=first)

    assert send(subscription, Packet(speaker_first)).sequence == first


@given(first=SEQUENCES, speaker_first=SEQUENCES, steps=STEPS)
def test_gaps_and_reorderings_stay_exactly_as_they_came(
    first: int, speaker_first: int, steps: list[int]
) -> None:
    subscription = a_subscription(first_sequence=first)
    send(subscription, Packet(speaker_first))
    position = 0
    positions = [position := position + step for step in steps]

    sent = [send(subscription, Packet(wrap(speaker_first + p))).sequence for p in positions]

    assert sent == [wrap(first + p) for p in positions]


def test_a_lost_packet_is_a_gap_across_the_wrap_of_either_side() -> None:
    subscription = a_subscription(first_sequence=0xFFFE)

    sent = [send(subscription, Packet(s)).sequence for s in (0x7FFF, 0x8000, 0x8003)]

    assert sent == [0xFFFE, 0xFFFF, 0x0002]


def test_the_listener_sees_an_ssrc_of_its_own() -> None:
    assert send(a_subscription(), Packet(ssrc=SPEAKER)).ssrc == LISTENER


@given(timestamp=TIMESTAMPS)
def test_the_timestamp_is_that_of_the_speaker(timestamp: int) -> None:
    assert send(a_subscription(), Packet(timestamp=timestamp)).timestamp == timestamp


@given(second=st.integers(0, 255))
def test_marker_and_payload_type_are_kept(second: int) -> None:
    sent = send(a_subscription(), Packet(second=second))

    assert (sent.marker, sent.payload_type) == (second >= 128, second % 128)


def test_what_follows_the_fixed_header_is_not_touched() -> None:
    rest = bytes(range(256))

    assert send(a_subscription(payload_types={111: 96}), Packet(rest=rest)).rest == rest


def test_a_payload_type_is_translated_to_that_of_the_listener() -> None:
    subscription = a_subscription(payload_types={111: 96})

    sent = send(subscription, Packet(second=0x80 | 111))

    assert (sent.marker, sent.payload_type) == (True, 96)


def test_a_payload_type_that_the_map_does_not_hold_passes() -> None:
    subscription = a_subscription(payload_types={111: 96})

    assert send(subscription, Packet(second=8)).payload_type == 8


@given(
    first=SEQUENCES,
    steps=STEPS,
    other_sequence=SEQUENCES,
    other_timestamp=TIMESTAMPS,
)
def test_a_new_source_goes_on_after_the_highest_number_that_was_sent(
    first: int, steps: list[int], other_sequence: int, other_timestamp: int
) -> None:
    subscription = a_subscription(first_sequence=first)
    send(subscription, Packet(1000))
    position = highest = 0
    for step in steps:
        position += step
        highest = max(highest, position)
        send(subscription, Packet(wrap(1000 + position)))

    switched = send(subscription, Packet(other_sequence, other_timestamp, OTHER_SPEAKER))

    assert switched.sequence == wrap(first + highest + 1)


def test_a_new_source_goes_on_in_time_as_if_it_had_spoken_before() -> None:
    subscription = a_subscription()
    send(subscription, Packet(1000, 160_000), now_ns=0)

    switched = send(subscription, Packet(30_000, 0xFFFF_FF00, OTHER_SPEAKER), now_ns=3 * PACKET_NS)
    following = send(subscription, Packet(30_001, wrap_time(0xFFFF_FF00 + 960), OTHER_SPEAKER))

    assert switched.timestamp == 160_000 + 3 * PACKET_UNITS
    assert following.timestamp == 160_000 + 4 * PACKET_UNITS


def wrap_time(timestamp: int) -> int:
    """A timestamp as it is on the wire."""
    return timestamp & 0xFFFFFFFF


@given(timestamp=TIMESTAMPS, other_timestamp=TIMESTAMPS)
def test_time_never_stands_still_at_a_new_source(timestamp: int, other_timestamp: int) -> None:
    subscription = a_subscription()
    send(subscription, Packet(1000, timestamp), now_ns=77)

    switched = send(subscription, Packet(1, other_timestamp, OTHER_SPEAKER), now_ns=77)

    assert switched.timestamp == wrap_time(timestamp + 1)


def test_two_sources_that_take_turns_use_no_number_twice() -> None:
    subscription = a_subscription()

    sent = [
        send(subscription, Packet(100 * turn + turn, ssrc=(SPEAKER, OTHER_SPEAKER)[turn % 2]))
        for turn in range(50)
    ]

    assert len({s.sequence for s in sent}) == 50


def test_a_late_packet_does_not_turn_the_clock_of_the_reports_back() -> None:
    subscription = a_subscription()
    send(subscription, Packet(1000, 160_000), now_ns=0)
    send(subscription, Packet(1002, 160_000 + 2 * PACKET_UNITS), now_ns=2 * PACKET_NS)

    send(subscription, Packet(1001, 160_000 + PACKET_UNITS), now_ns=2 * PACKET_NS)

    assert subscription.last_timestamp == 160_000 + 2 * PACKET_UNITS


def test_a_history_is_kept_only_for_a_listener_that_asks_for_lost_packets() -> None:
    assert a_subscription(answers_nack=False).history is None
    assert a_subscription(answers_nack=True).history is not None
