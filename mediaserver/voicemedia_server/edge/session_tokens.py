"""Session tokens: a decision on its way to whichever endpoint the client opens next.

Signed, so that nobody chooses a variant or spoils the comparison of the variants; no secret is in
it. It gives no right to call: bearer tokens do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import jwt

from voicemedia_rollout.document import Variant
from voicemedia_server.config.credentials import MIN_SECRET_BYTES
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.sessions.refusals import InvalidSessionToken

ALGORITHM = "HS256"
AUDIENCE = "voicemedia-session"
PARAMETER = "session"
"""The query parameter that carries it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token says: for whom the decision was made, and the decision."""

    client_id: str
    decision: Decision


class SessionTokens:
    """Signs and reads them. Servers that share the secret read each other's."""

    def __init__(
        self, secret: bytes, ttl_s: int, now_unix_s: Callable[[], float] = time.time
    ) -> None:
        assert len(secret) >= MIN_SECRET_BYTES, "a shorter key can be guessed"
        self._secret = secret
        self._now_unix_s = now_unix_s
        self.ttl_s = ttl_s

    def sign(self, grant: Grant) -> str:
        """A token that is good for `ttl_s` seconds."""
        decision = grant.decision
        claims = {
            "aud": AUDIENCE,
            "sub": grant.client_id,
            "exp": int(self._now_unix_s()) + self.ttl_s,
            "variant": decision.variant,
            "reason": decision.reason,
            "revision": decision.revision,
            "tenant": decision.tenant,
        }
        return jwt.encode(claims, self._secret, ALGORITHM)

    def read(self, token: str) -> Grant:
        """Raises `InvalidSessionToken`."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                [ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["exp", "sub", "aud"], "verify_exp": False},
            )
            is_over = int(claims["exp"]) <= self._now_unix_s()
            decision = Decision(
                Variant(claims["variant"]),
                DecisionReason(claims["reason"]),
                int(claims["revision"]),
                _tenant(claims.get("tenant")),
            )
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            raise InvalidSessionToken("The session token is not one of this fleet's.") from None
        if is_over:
            raise InvalidSessionToken("The session token is over; ask /v2/session for a new one.")
        return Grant(claims["sub"], decision)

    def decision_of(self, token: str | None) -> Decision | None:
        """The decision that an endpoint was given, if any. Raises `InvalidSessionToken`."""
        return self.read(token).decision if token else None


def _tenant(claim: object) -> str | None:
    if claim is None or isinstance(claim, str):
        return claim
    raise TypeError("a tenant is a name")
