"""The life of a session as one table.

offered → connecting → connected ⇄ reconnecting → closed. A signal that the table does not hold
for a state is rejected with `SignalRejected` and changes nothing.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a session is in its life."""

    OFFERED = "offered"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    CLOSED = "closed"


class Signal(StrEnum):
    """What can happen to a session."""

    CHECKED = "checked"  # the first connectivity check with the right MESSAGE-INTEGRITY
    SECURED = "secured"  # the DTLS handshake is done, media can flow
    SILENT = "silent"  # neither checks nor packets for a while
    HEARD = "heard"  # a check or a packet came back
    RESTARTED = "restarted"  # the client asked for new ICE credentials
    ENDED = "ended"  # for any `CloseReason`


class CloseReason(StrEnum):
    """Why a session ended: a label of metrics and logs."""

    DELETED = "deleted"
    CLOSED_BY_PEER = "closed-by-peer"
    CONSENT_EXPIRED = "consent-expired"
    CONNECTION_LOST = "connection-lost"  # the WebSocket broke off without a word
    SETUP_TIMEOUT = "setup-timeout"
    DTLS_FAILED = "dtls-failed"
    PROTOCOL_ERROR = "protocol-error"  # the client said over WebSocket what cannot be taken
    FAILED = "failed"  # a fault of ours
    MOVED = "moved"  # another session of the same call has taken over
    IDLE = "idle"
    MAX_DURATION = "max-duration"
    DRAINED = "drained"
    STOPPED = "stopped"


class SignalRejected(Exception):
    """A signal came that makes no sense in this state."""

    def __init__(self, state: State, signal: Signal) -> None:
        super().__init__(f"a session that is {state} does not take the signal {signal!r}")
        self.state = state
        self.signal = signal


TABLE: dict[tuple[State, Signal], State] = {
    (State.OFFERED, Signal.CHECKED): State.CONNECTING,
    (State.OFFERED, Signal.RESTARTED): State.OFFERED,
    (State.OFFERED, Signal.ENDED): State.CLOSED,
    (State.CONNECTING, Signal.SECURED): State.CONNECTED,
    (State.CONNECTING, Signal.RESTARTED): State.CONNECTING,
    (State.CONNECTING, Signal.ENDED): State.CLOSED,
    (State.CONNECTED, Signal.SILENT): State.RECONNECTING,
    (State.CONNECTED, Signal.RESTARTED): State.RECONNECTING,
    (State.CONNECTED, Signal.ENDED): State.CLOSED,
    (State.RECONNECTING, Signal.HEARD): State.CONNECTED,
    (State.RECONNECTING, Signal.RESTARTED): State.RECONNECTING,
    (State.RECONNECTING, Signal.ENDED): State.CLOSED,
}


def step(state: State, signal: Signal) -> State:
    """The state that follows. Raises `SignalRejected` where the table has no answer."""
    try:
        return TABLE[state, signal]
    except KeyError:
        raise SignalRejected(state, signal) from None
