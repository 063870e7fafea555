"""Loss and jitter by RFC 3550, appendices A.1, A.3 and A.8."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.rtp.reception import MAX_DROPOUT, MAX_MISORDER, Reception

CLOCK_HZ = 48000
STEP_UNITS = 960
STEP_NS = 20_000_000
START_NS = 5_000_000_000_000


def hear(
    sequences: Iterable[int], reception: Reception | None = None, *, from_index: int = 0
) -> Reception:
    """Each packet 20 ms after the one before it, stamped so."""
    reception = reception or Reception(0xDEADBEEF, CLOCK_HZ)
    for index, sequence in enumerate(sequences, from_index):
        reception.receive(
            sequence & 0xFFFF,
            index * STEP_UNITS & 0xFFFFFFFF,
            START_NS + index * STEP_NS,
        )
    return reception


@pytest.mark.parametrize("first", [0, 1, 12345, 65535])
def test_counting_starts_at_the_first_packet_whatever_its_number(first: int) -> None:
    reception = hear([first])

    assert (reception.received, reception.expected, reception.lost) == (1, 1, 0)
    assert reception.highest_extended == first


def test_before_the_first_packet_nothing_is_expected() -> None:
    reception = Reception(1, CLOCK_HZ)

    assert (reception.received, reception.expected, reception.lost) == (0, 0, 0)
    assert reception.jitter_s == 0


def test_missing_numbers_are_lost_packets_in_one_gap() -> None:
    reception = hear([10, 11, 15, 16])

    assert (reception.received, reception.expected) == (4, 7)
    assert (reception.lost, reception.gaps) == (3, 1)


def test_a_late_packet_is_not_lost_after_all() -> None:
    reception = hear([10, 12, 11, 13])

    assert (reception.received, reception.lost) == (4, 0)
    assert (reception.out_of_order, reception.gaps) == (1, 1)
    assert reception.highest_extended == 13


def test_a_packet_from_before_the_first_makes_the_loss_negative() -> None:
    assert hear([10, 9, 11]).lost == -1


@pytest.mark.parametrize("first", [65533, 65534, 65535])
def test_numbers_that_wrap_count_a_cycle(first: int) -> None:
    reception = hear(range(first, first + 5))

    assert reception.highest_extended == first + 4
    assert (reception.received, reception.lost) == (5, 0)


def test_a_gap_across_the_wrap_is_as_long_as_any_other() -> None:
    reception = hear([65534, 65537])

    assert (reception.lost, reception.highest_extended) == (2, 65537)


def test_a_late_packet_from_before_the_wrap_does_not_take_the_cycle_back() -> None:
    reception = hear([65534, 65536, 65535, 65537])

    assert (reception.lost, reception.highest_extended) == (0, 65537)


def test_two_cycles_are_counted() -> None:
    assert hear(range(2 * 65536 + 7)).highest_extended == 2 * 65536 + 6


def test_the_longest_dropout_is_loss() -> None:
    assert hear([0, MAX_DROPOUT - 1]).lost == MAX_DROPOUT - 2


def test_a_longer_one_is_a_jump() -> None:
    assert hear([0, MAX_DROPOUT]).lost == 0


def test_a_number_that_comes_again_is_no_gap() -> None:
    assert hear([5, 5, 6]).gaps == 0


def test_a_lone_jump_is_neither_loss_nor_progress() -> None:
    reception = hear([100, 101, 30000, 102])

    assert (reception.received, reception.expected, reception.lost) == (4, 4, 0)
    assert reception.highest_extended == 102


def test_a_jump_that_a_second_packet_confirms_is_a_restart() -> None:
    reception = hear([100, 101, 103, 30000, 30001, 30002])

    assert reception.restarts == 1
    assert reception.highest_extended == 30002
    assert (reception.received, reception.lost) == (6, 1)  # what was counted stays


def test_a_number_that_confirmed_a_restart_confirms_no_other() -> None:
    reception = hear([100, 30000, *range(30001, 30201), 30001])

    assert reception.restarts == 1
    assert reception.highest_extended == 30200


def test_a_jump_back_beyond_misordering_is_a_restart_too() -> None:
    reception = hear([1000, 999 - MAX_MISORDER, 1000 - MAX_MISORDER])

    assert reception.restarts == 1
    assert (reception.received, reception.lost) == (3, 0)


def test_the_longest_misordering_is_a_late_packet() -> None:
    reception = hear([1000, 1001 - MAX_MISORDER])

    assert (reception.out_of_order, reception.highest_extended) == (1, 1000)


def test_a_restart_is_no_jitter() -> None:
    reception = hear([100, 101])

    for index, sequence in enumerate([30000, 30001, 30002], 2):
        reception.receive(sequence, 2 * CLOCK_HZ + index * STEP_UNITS, START_NS + index * STEP_NS)

    assert reception.jitter_units == 0


def test_the_source_that_keeps_its_time_has_no_jitter() -> None:
    assert hear(range(50)).jitter_units == 0


def test_a_change_of_transit_enters_jitter_with_a_sixteenth() -> None:
    reception = hear([0])

    reception.receive(1, STEP_UNITS, START_NS + 2 * STEP_NS)  # 20 ms, 960 units late

    assert reception.jitter_units == 960 // 16
    assert reception.jitter_s == pytest.approx(0.020 / 16)


def test_jitter_decays_by_a_sixteenth_with_each_regular_packet() -> None:
    reception = hear([0])
    reception.receive(1, STEP_UNITS, START_NS + 2 * STEP_NS)

    reception.receive(2, 2 * STEP_UNITS, START_NS + 3 * STEP_NS)

    assert reception.jitter_s == pytest.approx(0.020 / 16 * 15 / 16)


def test_steady_variation_settles_at_its_mean_deviation() -> None:
    reception = Reception(1, CLOCK_HZ)

    for index in range(400):
        late_ns = 8_000_000 * (index % 2)  # each packet 8 ms off the one before
        reception.receive(index, index * STEP_UNITS, START_NS + index * STEP_NS + late_ns)

    assert reception.jitter_s == pytest.approx(0.008, rel=0.01)


def test_lost_packets_are_no_jitter() -> None:
    reception = Reception(1, CLOCK_HZ)

    for index in (0, 1, 5, 6, 9):
        reception.receive(index, index * STEP_UNITS, START_NS + index * STEP_NS)

    assert reception.jitter_units == 0


def test_a_silence_that_the_source_stamps_is_no_jitter() -> None:
    reception = hear([0, 1])

    reception.receive(2, 1000 * STEP_UNITS, START_NS + 1000 * STEP_NS)

    assert reception.jitter_units == 0


@pytest.mark.parametrize("first_timestamp", [0xFFFFFFFF, 0xFFFFFFFF - STEP_UNITS, 0x7FFFFFFF])
def test_a_timestamp_that_wraps_is_no_jitter(first_timestamp: int) -> None:
    reception = Reception(1, CLOCK_HZ)

    for index in range(5):
        timestamp = first_timestamp + index * STEP_UNITS & 0xFFFFFFFF
        reception.receive(index, timestamp, START_NS + index * STEP_NS)

    assert reception.jitter_units == 0


@pytest.mark.parametrize("timestamp", [2 * STEP_UNITS, 3_000_000_000])
def test_a_source_that_stops_its_clock_or_changes_it_is_not_jittering(timestamp: int) -> None:
    reception = hear([0, 1])

    reception.receive(2, timestamp, START_NS + 1000 * STEP_NS)

    assert reception.jitter_units == 0


def test_the_fraction_lost_is_in_256ths_of_what_was_expected() -> None:
    block = hear([0, 1, 3]).report_block(START_NS)  # one of four

    assert (block.ssrc, block.fraction_lost, block.cumulative_lost) == (0xDEADBEEF, 64, 1)
    assert block.highest_extended == 3


def test_the_fraction_counts_from_the_report_before_and_the_sum_from_the_start() -> None:
    reception = hear([0, 1, 3])
    reception.report_block(START_NS)

    block = hear([4, 6], reception, from_index=3).report_block(START_NS)

    assert (block.fraction_lost, block.cumulative_lost) == (256 // 3, 2)


def test_nothing_new_is_no_fraction() -> None:
    reception = hear([0, 1, 3])
    reception.report_block(START_NS)

    assert reception.report_block(START_NS).fraction_lost == 0


def test_more_than_was_expected_is_no_negative_fraction() -> None:
    reception = hear([0, 1, 3])
    reception.report_block(START_NS)

    block = hear([2, 4], reception, from_index=3).report_block(START_NS)

    assert (block.fraction_lost, block.cumulative_lost) == (0, 0)


def test_a_fraction_never_says_that_nothing_was_heard_of_what_was() -> None:
    block = hear([0, 2999]).report_block(START_NS)

    assert block.fraction_lost == 255


def test_the_sum_lost_stops_at_what_24_bits_hold() -> None:
    reception = hear(range(0, 2999 * 2900, 2999))

    assert reception.lost > 0x7FFFFF
    assert reception.report_block(START_NS).cumulative_lost == 0x7FFFFF


def test_the_report_of_a_source_that_sent_nothing_is_empty() -> None:
    block = Reception(1, CLOCK_HZ).report_block(START_NS)

    assert (block.fraction_lost, block.cumulative_lost, block.highest_extended) == (0, 0, 0)


def test_a_report_says_how_long_ago_the_sender_report_came() -> None:
    """The figures of RFC 3550 section 6.4.1: LSR 0xb705:2000, DLSR 5.250 s."""
    reception = hear([0])
    reception.sender_report_received(0xB7052000, START_NS)

    block = reception.report_block(START_NS + 5_250_000_000)

    assert (block.lsr, block.dlsr) == (0xB7052000, 0x00054000)


def test_without_a_sender_report_there_is_nothing_to_refer_to() -> None:
    block = hear([0]).report_block(START_NS)

    assert (block.lsr, block.dlsr) == (0, 0)


def test_a_sender_report_is_not_referred_to_after_its_time_has_come_round() -> None:
    reception = hear([0])
    reception.sender_report_received(0xB7052000, START_NS)

    block = reception.report_block(START_NS + 65_536_000_000_000)

    assert (block.lsr, block.dlsr) == (0, 0)


@dataclass
class AsPrinted:
    """Appendices A.1 (without probation), A.3 and A.8, line for line."""

    max_seq: int = -1
    cycles: int = 0
    base_seq: int = 0
    received: int = 0
    transit: int = 0
    jitter: int = 0

    def update(self, seq: int, timestamp: int, arrival_units: int) -> None:
        transit = arrival_units - timestamp
        if self.max_seq < 0:
            self.max_seq = self.base_seq = seq
            self.transit = transit
        udelta = (seq - self.max_seq) & 0xFFFF
        if udelta < 3000:
            if seq < self.max_seq:
                self.cycles += 1 << 16
            self.max_seq = seq
        self.received += 1
        d = abs(transit - self.transit)
        self.transit = transit
        self.jitter += d - ((self.jitter + 8) >> 4)

    @property
    def expected(self) -> int:
        return self.cycles + self.max_seq - self.base_seq + 1


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.lists(st.integers(0, 60_000_000), min_size=60, max_size=60),
)
def test_a_stream_with_loss_disorder_and_jitter_is_counted_as_the_rfc_prints_it(
    first: int, lateness: list[int], delays_ns: list[int]
) -> None:
    reception, printed = Reception(1, CLOCK_HZ), AsPrinted()
    kept = [index for index, late in enumerate(lateness) if late != 4]  # 4: lost
    order = sorted(kept, key=lambda index: index + lateness[index])

    for index in order:
        arrival_ns = START_NS + index * STEP_NS + delays_ns[index]
        sequence, timestamp = (first + index) & 0xFFFF, index * STEP_UNITS
        reception.receive(sequence, timestamp, arrival_ns)
        printed.update(sequence, timestamp, arrival_ns * CLOCK_HZ // 1_000_000_000)

    assert reception.received == printed.received
    if order:
        assert reception.expected == printed.expected
        assert reception.highest_extended == printed.cycles + printed.max_seq
        assert abs(reception.jitter_units - (printed.jitter >> 4)) <= 2  # they round each time


@given(
    st.lists(
        st.tuples(
            st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.integers(0, 100_000_000_000)
        ),
        max_size=60,
    )
)
def test_whatever_comes_is_received_and_the_rest_of_the_expected_is_lost(
    packets: list[tuple[int, int, int]],
) -> None:
    reception = Reception(1, CLOCK_HZ)

    for sequence, timestamp, arrival_ns in packets:
        reception.receive(sequence, timestamp, arrival_ns)
    block = reception.report_block(START_NS)

    assert reception.received == len(packets)
    assert reception.expected == reception.received + reception.lost
    assert 0 <= block.fraction_lost <= 255
    assert 0 <= block.jitter <= 0xFFFFFFFF
    assert 0 <= block.highest_extended <= 0xFFFFFFFF
