"""STUN and TURN servers that clients are told, each client with credentials of its own. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IceServer:
    """One server as one client is told of it: `credential` and `username` for TURN alone."""

    url: str
    username: str | None = None
    credential: str | None = None


@dataclass(frozen=True, slots=True)
class IceServers:
    """STUN and TURN URLs that clients are told (RFC 9725 section 4.6).

    With a `turn_secret`, each client gets credentials of its own that end after `turn_ttl_s`
    (the TURN REST convention: user name is the expiry time, password its HMAC-SHA1).
    """

    urls: tuple[str, ...] = ()
    turn_secret: str | None = None
    turn_ttl_s: int = 3600

    def told_to(self, user: str, now_unix_s: int) -> Iterator[IceServer]:
        """Each server, for this user."""
        for url in self.urls:
            if url.startswith(("turn:", "turns:")) and self.turn_secret is not None:
                yield IceServer(
                    url, *turn_credentials(self.turn_secret, now_unix_s + self.turn_ttl_s, user)
                )
            else:
                yield IceServer(url)


def turn_credentials(secret: str, expires_unix_s: int, user: str) -> tuple[str, str]:
    """User name and password by the TURN REST convention."""
    username = f"{expires_unix_s}:{user}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


def pseudonym(principal: str) -> str:
    """The same for the same principal, and fit for a header whatever its token calls it."""
    return hashlib.sha256(principal.encode(errors="backslashreplace")).hexdigest()[:16]
