"""Bearer tokens (RFC 6750): none asked for, a list of static ones, or JWT by JWKS (RFC 7519).

A token gives a *principal*: the name that owns the sessions it opened.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jwt
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from voicemedia_server.sessions.refusals import (
    InsufficientScope,
    InvalidToken,
    Overloaded,
    Unauthenticated,
)

log = structlog.get_logger("tokens")

ANYONE = "anyone"
PUBLISH_SCOPE = "whip:publish"
TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
REFRESH_PAUSE_S = 30.0
"""Between two fetches of the keys, however many unknown ones are named."""
KEYS_AGE_S = 600.0
"""How long keys are taken without asking whether they still are in the set."""


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
    token = token.strip(" ")
    if not TOKEN.fullmatch(token):
        raise InvalidToken("The token is empty, too long, or has characters that no token has.")
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


def token_middleware(authenticator: Authenticator) -> Middleware:
    """Asks every request for a token."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        await authenticator.principal(request.headers.get("Authorization"))
        return await handler(request)

    return check


class KeysUnavailable(Overloaded):
    """No key set was ever fetched, so no token can be checked."""

    title = "Tokens cannot be checked"


@dataclass(frozen=True, slots=True)
class JwtPolicy:
    """What a JWT must be. `algorithms` are pinned: the token has no say in how it is checked."""

    algorithms: tuple[str, ...]
    issuer: str | None = None
    audience: str | None = None
    scope: str = PUBLISH_SCOPE
    leeway_s: float = 30.0


class JwtTokens:
    """JSON Web Tokens, verified with the keys that `fetch` brings (a JWKS document's text).

    `fetch` raises `OSError` or `ValueError` where there is none to be had, and has a deadline.
    """

    def __init__(
        self,
        policy: JwtPolicy,
        fetch: Callable[[], Awaitable[str]],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._fetch = fetch
        self._now_s = now_s
        self._keys: dict[tuple[str | None, str], jwt.PyJWK] = {}
        self._tried_s = float("-inf")
        self._lock = asyncio.Lock()

    async def principal(self, authorization: str | None) -> str:
        """The token's subject.

        Raises `Unauthenticated`, `InvalidToken`, `InsufficientScope` or `KeysUnavailable`.
        """
        token = bearer_token(authorization)
        policy = self._policy
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(header.get("kid"), str(header.get("alg")))
            claims = jwt.decode(
                token,
                key,
                algorithms=list(policy.algorithms),
                issuer=policy.issuer,
                audience=policy.audience,
                leeway=policy.leeway_s,
                options={"require": ["exp", "sub"], "verify_aud": policy.audience is not None},
            )
        except (jwt.PyJWTError, RecursionError) as failure:
            raise InvalidToken("The token is not valid here or has expired.") from failure
        if policy.scope not in _scopes(claims):
            raise InsufficientScope(f"The token lacks the scope {policy.scope}.")
        return f"sub-{claims['sub']}"

    async def _key(self, key_id: str | None, algorithm: str) -> jwt.PyJWK:
        """The key for this id and algorithm.

        An unknown one fetches the set anew, but not too often; old keys are fetched anew by one
        request while others go on with them.
        """
        wanted = key_id, algorithm
        is_old = self._now_s() - self._tried_s > KEYS_AGE_S
        if wanted not in self._keys or (is_old and not self._lock.locked()):
            async with self._lock:
                may_fetch = self._now_s() - self._tried_s > REFRESH_PAUSE_S
                if may_fetch and (is_old or wanted not in self._keys):
                    self._tried_s = self._now_s()
                    await self._refresh()
        if not self._keys:
            raise KeysUnavailable("The keys for tokens cannot be had just now.", retry_after_s=5)
        try:
            return self._keys[wanted]
        except KeyError:
            raise InvalidToken("The token's key is not known here.") from None

    async def _refresh(self) -> None:
        """Fetches the key set; when that fails, the keys that were known stay."""
        try:
            keys = dict(_usable_keys(json.loads(await self._fetch()), self._policy.algorithms))
        except (OSError, ValueError, RecursionError) as failure:
            log.warning("the key set cannot be fetched", failure=type(failure).__name__)
            return
        if not keys:
            log.warning("the key set has no key for the algorithms that are taken")
            return
        self._keys = keys


def _usable_keys(
    document: object, algorithms: Sequence[str]
) -> Iterator[tuple[tuple[str | None, str], jwt.PyJWK]]:
    """The keys of a JWKS document (RFC 7517) for signatures by one of these algorithms.

    A key says by `alg` for which one it is; where it does not, it is taken for each that its type
    allows.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    for found in listed if isinstance(listed, list) else []:
        if not isinstance(found, dict) or found.get("use", "sig") != "sig":
            continue
        key_id = found.get("kid")
        if not isinstance(key_id, str | None):
            continue
        for algorithm in algorithms:
            if found.get("alg", algorithm) != algorithm:
                continue
            try:
                yield (key_id, algorithm), jwt.PyJWK.from_dict(found, algorithm)
            except jwt.PyJWTError:
                continue  # a key of another type


def _scopes(claims: dict[str, Any]) -> Sequence[str]:
    """Of a token: words, as RFC 8693 section 4.2 has them, or a list."""
    scope = claims.get("scope")
    if isinstance(scope, str):
        return scope.split()
    return [name for name in scope if isinstance(name, str)] if isinstance(scope, list) else []
