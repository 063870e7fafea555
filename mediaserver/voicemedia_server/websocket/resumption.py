"""The token by which a call moves to a new connection, to this server or another of the fleet. Pure
but for the seal: the time is an argument."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from voicemedia_server.edge.sealing import SealBroken, Sealer
from voicemedia_server.routing.decision import Decision

PURPOSE = "websocket resume"
LIFE_S = 86_400
"""A call may be older than its token: each request to move brings a new one."""


class ResumeFailed(Exception):
    """The token cannot be used by this client, or not any more."""


class ResumePoint(BaseModel):
    """What a new session takes over. `decision` is what the first one was born with, if any."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    session_id: str
    stream_sid: str
    principal: str
    decision: Decision | None = None
    expires_unix_s: int


class Resumption:
    """Makes and reads tokens."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def token(self, point: ResumePoint) -> str:
        """The point as a token, which tells nobody else anything."""
        return self._sealer.seal(PURPOSE, point.model_dump_json().encode())

    def point(self, token: str, principal: str, now_unix_s: float) -> ResumePoint:
        """What this principal may take over. Raises `ResumeFailed`."""
        try:
            point = ResumePoint.model_validate_json(self._sealer.open(PURPOSE, token))
        except SealBroken:
            raise ResumeFailed("The resume token is none of this fleet.") from None
        except ValidationError:
            raise ResumeFailed("The resume token is of another version.") from None
        if point.principal != principal:
            raise ResumeFailed("The resume token belongs to another principal.")
        if point.expires_unix_s <= now_unix_s:
            raise ResumeFailed("The resume token has expired.")
        return point
