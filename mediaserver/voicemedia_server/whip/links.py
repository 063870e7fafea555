"""`Link` header fields (RFC 8288): ICE servers for the client, and our own event stream. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from voicemedia_server.edge.ice_servers import IceServers

EVENTS_RELATION = "https://voicemedia.dev/rel/session-events"


def quoted(value: str) -> str:
    """A quoted-string (RFC 9110 section 5.6.4)."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def link(target: str, relation: str, **parameters: str) -> str:
    """One link-value; an underscore in a parameter's name stands for a hyphen."""
    named = {"rel": relation, **{k.replace("_", "-"): v for k, v in parameters.items()}}
    return f"<{target}>" + "".join(f"; {name}={quoted(v)}" for name, v in named.items())


def ice_server_links(servers: IceServers, now_unix_s: int, user: str) -> Sequence[str]:
    """A link for each ICE server."""
    links = []
    for server in servers.told_to(user, now_unix_s):
        if server.username is None or server.credential is None:
            links.append(link(server.url, "ice-server"))
        else:
            links.append(
                link(
                    server.url,
                    "ice-server",
                    username=server.username,
                    credential=server.credential,
                    credential_type="password",
                )
            )
    return links


def events_link(url: str) -> str:
    """Where the server tells this session to move (server-sent events)."""
    return link(url, EVENTS_RELATION, events="state,reconnect,closed")
