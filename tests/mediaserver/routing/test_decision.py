"""Which transport a caller is given, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_rollout.document import KEYS, Cause, Variant
from voicemedia_server.routing.decision import (
    REASONS,
    Capabilities,
    Decision,
    DecisionReason,
    Evaluation,
    decide,
)
from voicemedia_server.sessions.refusals import NoTransport
from voicemedia_server.sessions.sound import Transport

BOTH = Capabilities(webrtc=True, websocket=True)
NO_WEBRTC = Capabilities(webrtc=False, websocket=True)


@pytest.mark.parametrize(
    ("key", "variant", "reason"),
    [
        ("webrtc", Variant.WEBRTC, DecisionReason.FLAG),
        ("websocket", Variant.WEBSOCKET, DecisionReason.FLAG),
        ("webrtc-by-override", Variant.WEBRTC, DecisionReason.OVERRIDE),
        ("websocket-by-override", Variant.WEBSOCKET, DecisionReason.OVERRIDE),
        ("websocket-by-kill", Variant.WEBSOCKET, DecisionReason.KILL),
        ("tomato", Variant.WEBSOCKET, DecisionReason.NO_FLAG),
        (None, Variant.WEBSOCKET, DecisionReason.NO_FLAG),
    ],
)
def test_the_flag_is_obeyed_and_the_reason_told(
    key: str | None, variant: Variant, reason: DecisionReason
) -> None:
    assert decide(Evaluation(key, 7), BOTH) == Decision(variant, reason, 7)


def test_without_any_flags_it_is_websocket() -> None:
    decision = decide(None, BOTH)

    assert decision == Decision(Variant.WEBSOCKET, DecisionReason.REGISTRY_DOWN, 0)
    assert decision.transport is Transport.WEBSOCKET


@pytest.mark.parametrize("key", [*KEYS, "tomato", None])
def test_a_client_without_webrtc_always_gets_websocket(key: str | None) -> None:
    assert decide(Evaluation(key, 7), NO_WEBRTC).variant is Variant.WEBSOCKET


def test_a_client_that_cannot_what_the_flag_says_is_told_so() -> None:
    decision = decide(Evaluation("webrtc-by-override", 7), NO_WEBRTC)

    assert decision.reason is DecisionReason.CAPABILITY


def test_a_client_that_can_nothing_is_refused() -> None:
    with pytest.raises(NoTransport, match="capabilities"):
        decide(Evaluation("webrtc", 7), Capabilities(webrtc=False, websocket=False))


@pytest.mark.parametrize("kept", Variant)
def test_a_call_that_goes_on_keeps_its_variant_revision_and_tenant(kept: Variant) -> None:
    before = Decision(kept, DecisionReason.FLAG, 3, "acme")

    after = decide(Evaluation("websocket-by-kill", 9), BOTH, before, "another")

    assert after == Decision(kept, DecisionReason.RESUME, 3, "acme")


@pytest.mark.parametrize("can_webrtc", [True, False])
def test_a_decision_names_the_tenant_that_the_client_said(can_webrtc: bool) -> None:
    decision = decide(Evaluation("webrtc", 1), Capabilities(can_webrtc, True), tenant="acme")

    assert decision.tenant == "acme"


@given(st.none() | st.sampled_from(sorted(KEYS)) | st.text(), st.booleans())
def test_a_decision_is_always_one_that_the_client_can_follow(key: str | None, webrtc: bool) -> None:
    decision = decide(Evaluation(key, 1), Capabilities(webrtc, not webrtc))

    assert decision.variant is (Variant.WEBRTC if webrtc else Variant.WEBSOCKET)


def test_every_cause_has_a_reason() -> None:
    assert set(REASONS) == {None, *Cause}
