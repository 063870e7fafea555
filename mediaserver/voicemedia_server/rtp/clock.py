"""NTP time in RTCP, round trips, and when the next report is due (RFC 3550 sections 4, 6.2)."""

from __future__ import annotations

NTP_EPOCH_S = 2_208_988_800  # from 1900 to 1970
NS_PER_S = 1_000_000_000
MIDDLE_UNITS_PER_S = 0x10000
MINIMUM_INTERVAL_S = 5.0
COMPENSATION = 2.718281828459045 - 1.5
"""Timer reconsideration would settle below the interval; section 6.3.1 divides by e - 3/2."""
ROUNDING_UNITS = 655
"""10 ms: how far below zero two clocks' rounding may bring a round trip."""
IMPLAUSIBLE_S = 60.0


def ntp_from_unix_ns(unix_ns: int) -> int:
    """A 64-bit NTP timestamp: 32 bits of seconds, which wrap in 2036, and 32 of fraction."""
    seconds, rest_ns = divmod(unix_ns, NS_PER_S)
    return ((seconds + NTP_EPOCH_S) & 0xFFFFFFFF) << 32 | (rest_ns << 32) // NS_PER_S


def ntp_middle(ntp: int) -> int:
    """The middle 32 bits: units of 1/65536 s that wrap after 18 hours."""
    return (ntp >> 16) & 0xFFFFFFFF


def round_trip_s(now_ntp_middle: int, lsr: int, dlsr: int) -> float | None:
    """The round trip that a report block shows (section 6.4.1); all three in 1/65536 s.

    None without a sender report to refer to, or when the figures cannot be true.
    """
    if lsr == 0:
        return None
    units = (now_ntp_middle - lsr - dlsr) & 0xFFFFFFFF
    if units >= 0x100000000 - ROUNDING_UNITS:
        return 0.0
    seconds = units / MIDDLE_UNITS_PER_S
    return seconds if seconds < IMPLAUSIBLE_S else None


def report_interval_s(*, random_unit: float, is_first: bool = False) -> float:
    """Seconds to the next report: 0.5 to 1.5 of the minimum, halved for the first one, and
    compensated (section 6.3.1): 2.1 to 6.2 s.

    `random_unit` is drawn by the caller from [0, 1). With a handful of members on each
    association the minimum always governs (section 6.2).
    """
    interval_s = MINIMUM_INTERVAL_S / 2 if is_first else MINIMUM_INTERVAL_S
    return interval_s * (0.5 + random_unit) / COMPENSATION
