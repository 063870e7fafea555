"""NTP time, round trips and report intervals by RFC 3550."""

from __future__ import annotations

import pytest
from aiortc.clock import datetime_from_ntp, datetime_to_ntp
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.rtp.clock import (
    COMPENSATION,
    ntp_from_unix_ns,
    ntp_middle,
    report_interval_s,
    round_trip_s,
)

middles = st.integers(1, 0xFFFFFFFF)


def test_the_epoch_of_unix_is_seventy_years_after_that_of_ntp() -> None:
    seventy_years_s = (70 * 365 + 17) * 24 * 3600  # 17 leap days

    assert ntp_from_unix_ns(0) == seventy_years_s << 32


def test_the_fraction_is_in_two_to_the_minus_32_of_a_second() -> None:
    assert ntp_from_unix_ns(500_000_000) & 0xFFFFFFFF == 0x80000000
    assert ntp_from_unix_ns(250_000_000) & 0xFFFFFFFF == 0x40000000
    assert ntp_from_unix_ns(999_999_999) & 0xFFFFFFFF < 0x100000000


def test_the_seconds_wrap_in_2036() -> None:
    last_second_before_s = 0x100000000 - 2_208_988_800 - 1

    assert ntp_from_unix_ns(last_second_before_s * 10**9) >> 32 == 0xFFFFFFFF
    assert ntp_from_unix_ns((last_second_before_s + 1) * 10**9) >> 32 == 0


@given(st.integers(0, 2_000_000_000_000_000_000))
def test_another_implementation_reads_the_same_time(unix_ns: int) -> None:
    moment = datetime_from_ntp(ntp_from_unix_ns(unix_ns))

    assert abs(moment.timestamp() - unix_ns / 1e9) < 5e-6
    assert abs(datetime_to_ntp(moment) - ntp_from_unix_ns(unix_ns)) < 2**32 * 5e-6


def test_the_middle_is_the_low_half_of_seconds_and_the_high_half_of_the_fraction() -> None:
    assert ntp_middle(0xB44DB705_20000000) == 0xB7052000


def test_the_round_trip_of_the_example_in_the_rfc() -> None:
    """Section 6.4.1, figure 2: the report arrives at 0xb710:8000, 6.125 s."""
    assert round_trip_s(0xB7108000, lsr=0xB7052000, dlsr=0x00054000) == 6.125


def test_a_report_without_a_sender_report_shows_no_round_trip() -> None:
    assert round_trip_s(0xB7108000, lsr=0, dlsr=0) is None


def test_a_round_trip_is_right_across_the_wrap() -> None:
    assert round_trip_s(0x00004000, lsr=0xFFFF8000, dlsr=0x8000) == 0.25


def test_rounding_below_zero_is_no_round_trip_of_eighteen_hours() -> None:
    assert round_trip_s(1000, lsr=990, dlsr=13) == 0


@pytest.mark.parametrize("dlsr", [1000, 0x10000, 0x80000000])
def test_a_delay_longer_than_the_time_that_passed_cannot_be_true(dlsr: int) -> None:
    assert round_trip_s(0xB7052000 + 10, lsr=0xB7052000, dlsr=dlsr + 10) is None


def test_a_round_trip_of_a_minute_cannot_be_true() -> None:
    assert round_trip_s(0x1000000 + 60 * 0x10000, lsr=0x1000000, dlsr=0) is None
    assert round_trip_s(0x1000000 + 59 * 0x10000, lsr=0x1000000, dlsr=0) == 59


@given(middles, st.integers(0, 0xFFFFFFFF), st.integers(0, 59 * 0x10000))
def test_the_round_trip_is_what_is_left_after_the_delay(
    lsr: int, dlsr: int, trip_units: int
) -> None:
    now = (lsr + dlsr + trip_units) & 0xFFFFFFFF

    assert round_trip_s(now, lsr, dlsr) == trip_units / 0x10000


@given(middles, st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_a_round_trip_is_never_negative_nor_absurd(now: int, lsr: int, dlsr: int) -> None:
    trip_s = round_trip_s(now, lsr, dlsr)

    assert trip_s is None or 0 <= trip_s < 60


def test_reports_go_out_at_half_to_one_and_a_half_of_the_minimum() -> None:
    assert report_interval_s(random_unit=0.0) == pytest.approx(2.5 / COMPENSATION)
    assert report_interval_s(random_unit=0.5) == pytest.approx(5.0 / COMPENSATION)
    assert report_interval_s(random_unit=0.999999) == pytest.approx(7.5 / COMPENSATION, rel=1e-5)


def test_the_compensation_is_the_one_the_rfc_prints() -> None:
    assert pytest.approx(1.21828, abs=1e-5) == COMPENSATION


@given(st.floats(0, 1, exclude_max=True))
def test_the_first_report_goes_out_twice_as_soon(random_unit: float) -> None:
    first_s = report_interval_s(random_unit=random_unit, is_first=True)

    assert first_s == pytest.approx(report_interval_s(random_unit=random_unit) / 2)
