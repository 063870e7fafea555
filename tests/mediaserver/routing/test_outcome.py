"""How sessions turned out."""

from __future__ import annotations

import pytest

from voicemedia_rollout.document import Variant
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.routing.outcome import Outcome, outcome_of
from voicemedia_server.sessions.lifecycle import CloseReason, State
from voicemedia_server.sessions.sound import Transport

GIVEN_WEBRTC = Decision(Variant.WEBRTC, DecisionReason.FLAG, 1)


@pytest.mark.parametrize(
    ("transport", "reason", "last_state", "outcome"),
    [
        (Transport.WEBRTC, CloseReason.DELETED, State.CONNECTED, Outcome.OK),
        (Transport.WEBRTC, CloseReason.DRAINED, State.CONNECTED, Outcome.OK),
        (Transport.WEBRTC, CloseReason.DELETED, State.OFFERED, Outcome.ABANDONED),
        (Transport.WEBRTC, CloseReason.CLOSED_BY_PEER, State.CONNECTING, Outcome.ABANDONED),
        (Transport.WEBRTC, CloseReason.SETUP_TIMEOUT, State.OFFERED, Outcome.SETUP_FAILED),
        (Transport.WEBRTC, CloseReason.DTLS_FAILED, State.CONNECTING, Outcome.SETUP_FAILED),
        (Transport.WEBRTC, CloseReason.CONSENT_EXPIRED, State.RECONNECTING, Outcome.LOST),
        (Transport.WEBRTC, CloseReason.DRAINED, State.CONNECTING, Outcome.ABANDONED),
        (Transport.WEBRTC, CloseReason.STOPPED, State.OFFERED, Outcome.ABANDONED),
        (Transport.WEBSOCKET, CloseReason.CONNECTION_LOST, State.CONNECTED, Outcome.LOST),
        (Transport.WEBSOCKET, CloseReason.FAILED, State.CONNECTED, Outcome.LOST),
        (Transport.WEBSOCKET, CloseReason.DELETED, State.CONNECTED, Outcome.FALLBACK),
        (Transport.WEBSOCKET, CloseReason.CONSENT_EXPIRED, State.CONNECTED, Outcome.LOST),
    ],
)
def test_a_session_that_was_given_webrtc(
    transport: Transport, reason: CloseReason, last_state: State, outcome: Outcome
) -> None:
    assert outcome_of(GIVEN_WEBRTC, transport, reason, last_state) is outcome


@pytest.mark.parametrize("transport", Transport)
def test_who_never_asked_cannot_fall_back(transport: Transport) -> None:
    assert outcome_of(None, transport, CloseReason.DELETED, State.CONNECTED) is Outcome.OK


@pytest.mark.parametrize("reason", CloseReason)
@pytest.mark.parametrize("last_state", [state for state in State if state is not State.CLOSED])
def test_every_end_has_an_outcome(reason: CloseReason, last_state: State) -> None:
    assert outcome_of(GIVEN_WEBRTC, Transport.WEBRTC, reason, last_state) in Outcome
