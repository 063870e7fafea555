"""When reports are due; what is said and answered is held through the plane."""

from __future__ import annotations

from voicemedia_server.packets.control import NS_PER_S, ReportSchedule, read_clocks
from voicemedia_server.ports import PeerId

NEVER_LATER_S = 3600


def test_a_report_is_due_once_for_each_time_that_it_was_asked_for() -> None:
    schedule = ReportSchedule()
    end_ns = read_clocks().monotonic_ns + NEVER_LATER_S * NS_PER_S
    schedule.add(PeerId(1))
    schedule.add(PeerId(2), is_first=True)

    assert set(schedule.due(end_ns)) == {1, 2}
    assert list(schedule.due(end_ns)) == []


def test_nothing_is_due_at_once() -> None:
    schedule = ReportSchedule()
    now_ns = read_clocks().monotonic_ns
    schedule.add(PeerId(1))

    assert list(schedule.due(now_ns)) == []


def test_the_first_report_comes_sooner_on_average() -> None:
    """RFC 3550 section 6.2: half the interval before the first."""
    now_ns = read_clocks().monotonic_ns
    first, later = ReportSchedule(), ReportSchedule()
    for peer in range(200):
        first.add(PeerId(peer), is_first=True)
        later.add(PeerId(peer))
    soon_ns = now_ns + 3 * NS_PER_S

    assert len(list(first.due(soon_ns))) > len(list(later.due(soon_ns)))


def test_both_clocks_are_read() -> None:
    one, two = read_clocks(), read_clocks()

    assert one.monotonic_ns <= two.monotonic_ns
    assert abs(two.unix_ns - one.unix_ns) < NEVER_LATER_S * NS_PER_S
