"""The JSON documents of `/health` and `/stats`, from what service and plane have counted. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from voicemedia_server.ports import MediaStats
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.session import Session
from voicemedia_server.sessions.lifecycle import State

NS_PER_S = 1_000_000_000
LIVE_STATES = tuple(state for state in State if state is not State.CLOSED)


def count_sessions(sessions: Sequence[Session]) -> dict[str, Any]:
    """Live sessions by state and by transport."""
    states = Counter(session.state for session in sessions)
    return {
        "total": len(sessions),
        "by_state": {state: states[state] for state in LIVE_STATES},
        "by_transport": dict(Counter(session.transport for session in sessions)),
    }


def count_drops(drops: Mapping[DropReason, int]) -> dict[str, int]:
    """Drops by reason, those that happened."""
    return {reason: drops[reason] for reason in DropReason if drops.get(reason)}


def describe_session(session: Session, stats: MediaStats, now_ns: int) -> dict[str, Any]:
    """One session for `/stats`: times in seconds, sizes in bytes, `null` for not known."""
    sound = session.sound
    expected = stats.packets_received + stats.packets_lost
    return {
        "session": session.label,
        "state": session.state,
        "transport": session.transport,
        "variant": session.decision.variant if session.decision else None,
        "codec": sound.codec_name,
        "echoed": sound.is_echoed,
        "echo_form": sound.echo_form if sound.is_echoed else None,
        "age_s": round((now_ns - session.opened_ns) / NS_PER_S, 3),
        "connected_s": _since(session.connected_ns, now_ns),
        "silent_s": _since(stats.last_media_ns, now_ns),
        "received": {
            "packets": stats.packets_received,
            "bytes": stats.bytes_received,
            "lost": stats.packets_lost,
            "loss_ratio": round(stats.packets_lost / expected, 6) if expected else 0.0,
            "out_of_order": stats.packets_out_of_order,
            "jitter_s": round(stats.jitter_s, 6),
            "said_bye": stats.has_said_bye,
        },
        "sent": {
            "packets": stats.packets_sent,
            "bytes": stats.bytes_sent,
            "resent": stats.packets_resent,
            "nacks": stats.nacks_received,
        },
        "reported": {
            "round_trip_s": stats.round_trip_s,
            "lost": stats.remote_packets_lost,
            "fraction_lost": stats.remote_fraction_lost,
            "jitter_s": stats.remote_jitter_s,
            "playout_s": stats.playout_s,
            "buffered_s": stats.remote_buffered_s,
            "underruns": stats.remote_underruns,
        },
        "drops": count_drops(stats.drops or {}),
    }


def _since(then_ns: int | None, now_ns: int) -> float | None:
    return None if then_ns is None else round((now_ns - then_ns) / NS_PER_S, 3)
