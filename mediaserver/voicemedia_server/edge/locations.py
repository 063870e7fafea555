"""Whose session a URL names: its id, and sealed beside it where the server is that holds it.

So any server of a fleet passes a request for another's session on, also while there is no registry.
Only we can make such a URL, so nobody sends us anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

from voicemedia_server.edge.sealing import SealBroken, Sealer

PURPOSE = "location of "
SEPARATOR = "."
"""In neither ids nor tokens, both of which are base64url."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a URL names: `server_url` is `None` for a session of this server, or of none."""

    session_id: str
    server_url: str | None = None


@dataclass(frozen=True, slots=True)
class Locations:
    """`own_url` is where the other servers reach this one; without it ids stand alone."""

    sealer: Sealer
    own_url: str | None = None

    def name(self, session_id: str) -> str:
        """The last part of a URL for a session of this server. The token is good for this id
        alone."""
        if self.own_url is None:
            return session_id
        return (
            session_id + SEPARATOR + self.sealer.seal(PURPOSE + session_id, self.own_url.encode())
        )

    def read(self, name: str) -> Named:
        """What the last part of a URL names. A token that is none of ours says nothing."""
        session_id, _, token = name.partition(SEPARATOR)
        if not token:
            return Named(session_id)
        try:
            server_url = self.sealer.open(PURPOSE + session_id, token).decode()
        except (SealBroken, UnicodeDecodeError):
            return Named(session_id)
        return Named(session_id, None if server_url == self.own_url else server_url)
