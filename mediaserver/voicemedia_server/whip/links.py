"""`Link` header fields (RFC 8288): ICE servers for the client, and our own event stream. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

EVENTS_RELATION = "https://voicemedia.dev/rel/session-events"


@dataclass(frozen=True, slots=True)
class IceServers:
    """STUN and TURN URLs that clients are told (RFC 9725 section 4.6).

    With a `turn_secret`, each client gets credentials of its own that end after `turn_ttl_s`
    (the TURN REST convention: user name is the expiry time, password its HMAC-SHA1).
    """

    urls: tuple[str, ...] = ()
    turn_secret: str | None = None
    turn_ttl_s: int = 3600


def quoted(value: str) -> str:
    """A quoted-string (RFC 9110 section 5.6.4)."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def link(target: str, relation: str, **parameters: str) -> str:
    """One link-value; an underscore in a parameter's name stands for a hyphen."""
    named = {"rel": relation, **{k.replace("_", "-"): v for k, v in parameters.items()}}
    return f"<{target}>" + "".join(f"; {name}={quoted(v)}" for name, v in named.items())


def turn_credentials(secret: str, expires_unix_s: int, user: str) -> tuple[str, str]:
    """User name and password by the TURN REST convention."""
    username = f"{expires_unix_s}:{user}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


def pseudonym(principal: str) -> str:
    """The same for the same principal, and fit for a header whatever its token calls it."""
    return hashlib.sha256(principal.encode(errors="backslashreplace")).hexdigest()[:16]


def ice_server_links(servers: IceServers, now_unix_s: int, user: str) -> Sequence[str]:
    """A link for each ICE server."""
    links = []
    for url in servers.urls:
        if url.startswith(("turn:", "turns:")) and servers.turn_secret is not None:
            username, credential = turn_credentials(
                servers.turn_secret, now_unix_s + servers.turn_ttl_s, user
            )
            links.append(
                link(
                    url,
                    "ice-server",
                    username=username,
                    credential=credential,
                    credential_type="password",
                )
            )
        else:
            links.append(link(url, "ice-server"))
    return links


def events_link(url: str) -> str:
    """Where the server tells this session to move (server-sent events)."""
    return link(url, EVENTS_RELATION, events="state,reconnect,closed")
