"""How a session turned out for the comparison of the variants.

A client that was given WebRTC and came by WebSocket is an outcome of its own: counted among the
sessions of WebSocket it would flatter WebRTC, of which only the survivors would be seen.
"""

from __future__ import annotations

from enum import StrEnum

from voicemedia_server.routing.decision import Decision
from voicemedia_server.sessions.lifecycle import CloseReason, State
from voicemedia_server.sessions.sound import Transport

SETTING_UP = (State.OFFERED, State.CONNECTING)
NOT_THE_VARIANTS = (
    CloseReason.DELETED,
    CloseReason.CLOSED_BY_PEER,
    CloseReason.MOVED,
    CloseReason.DRAINED,
    CloseReason.STOPPED,
)
"""Ends of a set-up that say nothing about the transport: clients that left, servers that leave."""


class Outcome(StrEnum):
    """A label of metrics."""

    OK = "ok"
    ABANDONED = "abandoned"  # ended before it was connected, by its client or a drain
    SETUP_FAILED = "setup-failed"  # it was never connected
    LOST = "lost"  # it was connected, and then heard no more, or failed by a fault of ours
    FALLBACK = "fallback"  # given WebRTC, came by WebSocket


LOSSES = (
    CloseReason.CONSENT_EXPIRED,
    CloseReason.CONNECTION_LOST,
    CloseReason.DTLS_FAILED,
    CloseReason.FAILED,
)


def outcome_of(
    decision: Decision | None, transport: Transport, reason: CloseReason, last_state: State
) -> Outcome:
    """Of a session that ended for `reason` in `last_state`."""
    if last_state in SETTING_UP:
        return Outcome.ABANDONED if reason in NOT_THE_VARIANTS else Outcome.SETUP_FAILED
    if reason in LOSSES:
        return Outcome.LOST
    if decision is not None and decision.transport is not transport:
        return Outcome.FALLBACK
    return Outcome.OK
