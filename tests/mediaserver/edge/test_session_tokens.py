"""Session tokens carry a decision that nobody can make up."""

from __future__ import annotations

import jwt
import pytest

from voicemedia_rollout.document import Variant
from voicemedia_server.edge.session_tokens import Grant, SessionTokens
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.sessions.refusals import InvalidSessionToken

SECRET = b"s" * 32
GRANT = Grant("anna", Decision(Variant.WEBRTC, DecisionReason.FLAG, 7, "acme"))


def tokens_at(now_unix_s: float, secret: bytes = SECRET) -> SessionTokens:
    return SessionTokens(secret, 60, lambda: now_unix_s)


def test_what_one_server_signs_another_of_the_fleet_reads() -> None:
    assert tokens_at(1030).read(tokens_at(1000).sign(GRANT)) == GRANT


def test_an_endpoint_that_was_given_none_has_no_decision() -> None:
    assert tokens_at(1000).decision_of(None) is None
    assert tokens_at(1000).decision_of("") is None


def test_a_token_that_is_over_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(InvalidSessionToken, match="ask /v2/session"):
        tokens_at(1060).read(tokens_at(1000).sign(GRANT))


def forged(**changes: object) -> str:
    claims = {
        "aud": "voicemedia-session",
        "sub": "anna",
        "exp": 2000,
        "variant": "webrtc",
        "reason": "flag",
        "revision": 7,
        "tenant": "acme",
    }
    kept = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(kept, SECRET, "HS256")


def test_the_claims_are_as_expected() -> None:
    assert tokens_at(1000).read(forged()) == GRANT


def test_a_token_may_name_no_tenant() -> None:
    decision = tokens_at(1000).decision_of(forged(tenant=None))

    assert decision is not None
    assert decision.tenant is None


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        "a.b.c",
        "é",
        tokens_at(1000, b"another secret of thirty-two byte").sign(GRANT),
        jwt.encode({"aud": "voicemedia-session", "sub": "anna", "exp": 2000}, "", "none"),
        forged(aud="someone-else"),
        forged(sub=None),
        forged(exp=None),
        forged(exp="soon"),
        forged(variant="pigeon"),
        forged(reason=None),
        forged(revision="many"),
        forged(tenant=["acme"]),
    ],
)
def test_a_token_of_others_is_refused(token: str) -> None:
    with pytest.raises(InvalidSessionToken):
        tokens_at(1000).read(token)
