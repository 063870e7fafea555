"""NTP time in RTCP, round trips, and when the next report is due (RFC 3550 sections 4, 6.2)."""

from __future__ import annotations

NTP_EPOCH_S = 2_208_988_800  # from 1900 to 1970
NS_PER_S = 1_000_000_000
MINIMUM_INTERVAL_S = 5.0
COMPENSATION = 2.718281828459045 - 1.5  # section 6.3.1: e - 3/2
IMPLAUSIBLE_S = 60.0


def ntp_from_unix_ns(unix_ns: int) -> int:
    """A 64-bit NTP timestamp: 32 bits of seconds, 32 of fraction."""
    seconds, rest_ns = divmod(unix_ns, NS_PER_S)
    return ((seconds + NTP_EPOCH_S) & 0xFFFFFFFF) << 32 | (rest_ns << 32) // NS_PER_S


def ntp_middle(ntp: int) -> int:
    """The middle 32 bits: units of 1/65536 s that wrap after 18 hours."""
    return (ntp >> 16) & 0xFFFFFFFF


def round_trip_s(now_ntp_middle: int, lsr: int, dlsr: int) -> float | None:
    """The round trip that a report block shows (section 6.4.1).

    None without a sender report to refer to, or when the figures cannot be true.
    """
    if lsr == 0:
        return None
    units = (now_ntp_middle - lsr - dlsr) & 0xFFFFFFFF
    if units >= 0xFFFFFFFF - 65536 // 100:  # up to 10 ms below zero is two clocks' rounding
        return 0.0
    seconds = units / 65536
    return seconds if seconds < IMPLAUSIBLE_S else None


def report_interval_s(*, random_unit: float, is_first: bool = False) -> float:
    """Seconds to the next report: 0.5 to 1.5 of the minimum, halved for the first one.

    `random_unit` is drawn by the caller from [0, 1). With a handful of members on each
    association the minimum always governs (section 6.2).
    """
    interval_s = MINIMUM_INTERVAL_S / 2 if is_first else MINIMUM_INTERVAL_S
    return interval_s * (0.5 + random_unit) / COMPENSATION
