"""The documents of `/health` and `/stats`, member by member."""

from __future__ import annotations

import pytest

from mediaserver.test_session import a_session
from voicemedia_server.ports import MediaStats
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.sessions.lifecycle import State
from voicemedia_server.status.summary import count_drops, count_sessions, describe_session

NS_PER_S = 1_000_000_000


def test_sessions_are_counted_by_state_and_transport() -> None:
    sessions = [a_session(), a_session()]
    sessions[0].state = State.CONNECTED

    assert count_sessions(sessions) == {
        "total": 2,
        "by_state": {"offered": 1, "connecting": 0, "connected": 1, "reconnecting": 0},
        "by_transport": {"websocket": 2},
    }


def test_only_drops_that_happened_are_told() -> None:
    drops = {DropReason.RTP_REPLAYED: 2, DropReason.RTP_UNBOUND: 0}

    assert count_drops(drops) == {"rtp-replayed": 2}


def test_a_session_is_described_in_seconds_and_bytes() -> None:
    stats = MediaStats(
        packets_received=90,
        packets_lost=10,
        bytes_received=9000,
        jitter_s=0.0012345678,
        round_trip_s=0.02,
        playout_s=0.08,
        remote_buffered_s=0.06,
        remote_underruns=1,
        last_media_ns=4 * NS_PER_S,
    )

    described = describe_session(a_session(), stats, 5 * NS_PER_S)

    assert (described["age_s"], described["silent_s"], described["connected_s"]) == (5, 1, None)
    assert described["received"]["loss_ratio"] == pytest.approx(0.1)
    assert described["received"]["jitter_s"] == 0.001235
    assert described["reported"]["round_trip_s"] == 0.02
    assert described["reported"]["playout_s"] == 0.08
    assert described["reported"]["buffered_s"] == 0.06
    assert described["reported"]["underruns"] == 1
    assert (described["codec"], described["echo_form"]) == ("pcmu", "direct")


def test_without_a_packet_nothing_is_lost() -> None:
    described = describe_session(a_session(), MediaStats(), 0)

    assert described["received"]["loss_ratio"] == 0
    assert described["silent_s"] is None


def test_a_description_holds_no_id_that_gives_power() -> None:
    session = a_session()

    described = describe_session(session, MediaStats(), 0)

    assert session.id not in str(described)
    assert session.events_id not in str(described)
