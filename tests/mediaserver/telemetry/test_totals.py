"""Sums of what sessions counted."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from voicemedia_server.ports import MediaStats
from voicemedia_server.sessions.sound import Transport
from voicemedia_server.telemetry.totals import COUNTERS, MediaTotals, media_families

SUMMED = [field.name for field in fields(MediaTotals)]


def counted(name: str, value: int) -> MediaStats:
    """A session that counted this and nothing else."""
    figures: dict[str, Any] = {name: value}
    return MediaStats(**figures)


@pytest.mark.parametrize("name", SUMMED)
def test_each_figure_is_summed_on_its_own(name: str) -> None:
    totals = MediaTotals()

    totals.add(counted(name, 3))
    totals.add(counted(name, 4))

    assert {field: getattr(totals, field) for field in SUMMED} == {
        field: 7 if field == name else 0 for field in SUMMED
    }


def test_sums_can_be_added_to_sums() -> None:
    totals, others = MediaTotals(), MediaTotals()
    others.add(MediaStats(packets_received=5))

    totals.add(others)
    totals.add(others)

    assert totals.packets_received == 10
    assert others.packets_received == 5


def test_a_listener_that_reports_more_than_it_was_sent_takes_nothing_back() -> None:
    totals = MediaTotals()

    totals.add(MediaStats(remote_packets_lost=-3))  # duplicates, RFC 3550 section 6.4.1

    assert totals.remote_packets_lost == 0


@pytest.mark.parametrize("name", sorted(COUNTERS))
def test_what_only_grows_is_a_counter(name: str) -> None:
    totals = MediaTotals()
    totals.add(counted(name, 9))

    types = {
        family.type
        for family in media_families({Transport.WEBRTC: totals})
        if [sample.value for sample in family.samples] == [9]
    }

    assert types == {"counter"}


def test_losses_are_gauges_since_late_packets_take_them_back() -> None:
    totals = MediaTotals()

    gauges = [
        family.name
        for family in media_families({Transport.WEBRTC: totals})
        if family.type == "gauge"
    ]

    assert gauges == ["voicemedia_rtp_packets_lost", "voicemedia_rtp_packets_lost_by_listeners"]
