"""Bearer tokens (RFC 6750): none asked for, a list of static ones, or JWT by JWKS (RFC 7519).

A token gives a *principal*: the name that owns the sessions it opened.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import jwt
import structlog

from voicemedia_server.sessions.refusals import (
    InsufficientScope,
    InvalidToken,
    Overloaded,
    Unauthenticated,
)

log = structlog.get_logger("tokens")

ANYONE = "anyone"
PUBLISH_SCOPE = "whip:publish"
MAX_TOKEN_CHARS = 8192
REFRESH_PAUSE_S = 30.0


class Authenticator(Protocol):
    """Says who asks."""

    async def principal(self, authorization: str | None) -> str:
        """Raises `Unauthenticated`, `InvalidToken` or `InsufficientScope`."""
        ...


class OpenAccess:
    """Nobody needs a token; all are the same principal."""

    async def principal(self, authorization: str | None) -> str:
        """Always the same."""
        return ANYONE


def bearer_token(authorization: str | None) -> str:
    """The token of an `Authorization` header. Raises `Unauthenticated` or `InvalidToken`."""
    if not authorization:
        raise Unauthenticated("Send an Authorization header with a Bearer token.")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Only the Bearer scheme is taken.")
    token = token.strip()
    if not token or len(token) > MAX_TOKEN_CHARS:
        raise InvalidToken("The token is empty or too long.")
    return token


class StaticTokens:
    """Fixed tokens. Each may publish; those in `without_publish` are known, but may not."""

    def __init__(self, tokens: Sequence[str], without_publish: Sequence[str] = ()) -> None:
        self._digests = [_digest(token) for token in tokens]
        self._without_publish = [_digest(token) for token in without_publish]

    async def principal(self, authorization: str | None) -> str:
        """Compared by digest and in constant time, so that timing tells nothing."""
        presented = _digest(bearer_token(authorization))
        if any([hmac.compare_digest(presented, known) for known in self._without_publish]):
            raise InsufficientScope("This token may not publish.")
        matches = [hmac.compare_digest(presented, known) for known in self._digests]
        if not any(matches):
            raise InvalidToken("The token is not known here.")
        return f"token-{matches.index(True)}"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True)
class JwtPolicy:
    """What a JWT must be. `algorithms` are pinned: the token has no say in how it is checked."""

    algorithms: tuple[str, ...]
    issuer: str | None = None
    audience: str | None = None
    scope: str = PUBLISH_SCOPE
    leeway_s: float = 30.0


class JwtTokens:
    """JSON Web Tokens, verified with the keys that `fetch` brings (a JWKS document's text)."""

    def __init__(self, policy: JwtPolicy, fetch: Callable[[], Awaitable[str]]) -> None:
        self._policy = policy
        self._fetch = fetch
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_s = float("-inf")
        self._lock = asyncio.Lock()

    async def principal(self, authorization: str | None) -> str:
        """The token's subject. Raises `InvalidToken` or `InsufficientScope`."""
        token = bearer_token(authorization)
        policy = self._policy
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(header.get("kid"))
            claims = jwt.decode(
                token,
                key,
                algorithms=list(policy.algorithms),
                issuer=policy.issuer,
                audience=policy.audience,
                leeway=policy.leeway_s,
                options={"require": ["exp", "sub"], "verify_aud": policy.audience is not None},
            )
        except jwt.PyJWTError as failure:
            raise InvalidToken("The token is not valid here or has expired.") from failure
        scopes = claims.get("scope", "")
        granted = scopes.split() if isinstance(scopes, str) else scopes
        if policy.scope not in granted:
            raise InsufficientScope(f"The token lacks the scope {policy.scope}.")
        return f"sub-{claims['sub']}"

    async def _key(self, key_id: str | None) -> jwt.PyJWK:
        """The key by its id; an unknown id fetches the set anew, but not too often."""
        async with self._lock:
            is_stale = time.monotonic() - self._fetched_s > REFRESH_PAUSE_S
            if key_id not in self._keys and is_stale:
                self._fetched_s = time.monotonic()
                await self._refresh()
        if not self._keys:
            raise Overloaded("The keys for tokens cannot be had just now.", retry_after_s=5)
        try:
            return self._keys[key_id]
        except KeyError:
            raise InvalidToken("The token's key is not known here.") from None

    async def _refresh(self) -> None:
        """Fetches the key set; when that fails, the keys that were known stay."""
        try:
            document = json.loads(await self._fetch())
            keys = jwt.PyJWKSet.from_dict(document).keys
        except (OSError, ValueError, jwt.PyJWTError) as failure:
            log.warning("the key set cannot be fetched", failure=type(failure).__name__)
            return
        self._keys = {key.key_id: key for key in keys}
