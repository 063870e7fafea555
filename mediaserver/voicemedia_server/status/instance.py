"""One server as whoever runs the fleet sees and steers it: its document, its drain, its flags.

The operator of a cluster has no other way in; docs/registry.md has the document.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from voicemedia_rollout.document import DocumentMalformed
from voicemedia_server.draining import Draining
from voicemedia_server.edge.bodies import BodyLimits, read_body, read_whole
from voicemedia_server.registry_port import InstanceState, Registry
from voicemedia_server.service import DrainPolicy, SessionService
from voicemedia_server.sessions.refusals import Refusal, RefusalReason
from voicemedia_server.sessions.sound import Transport

JSON = "application/json"
WEEK_S = 7 * 86400
LIMITS = BodyLimits(max_bytes=1 << 20)


class RequestMalformed(Refusal):
    """The body says what makes no sense."""

    status = 400
    reason = RefusalReason.BAD_REQUEST
    title = "The request cannot be read"


class DrainRequest(BaseModel):
    """How long live sessions may go on, and how long they have to move after that: seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    limit_s: float | None = Field(default=None, ge=0, le=WEEK_S, allow_inf_nan=False)
    notice_s: float | None = Field(default=None, ge=0, le=3600, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Steering:
    """What the routes need. `offer_flags` takes a flag document if it is newer than the one in
    force and says whether it was; it raises `DocumentMalformed`."""

    service: SessionService
    registry: Registry
    draining: Draining
    notice_s: float
    describe: Callable[[], InstanceState]
    offer_flags: Callable[[str], bool]
    flags_revision: Callable[[], int]

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/instance", self.instance)
        app.router.add_post("/drain", self.drain)
        app.router.add_post("/undrain", self.undrain)
        app.router.add_put("/flags", self.flags)

    def document(self) -> dict[str, Any]:
        """What this instance tells of itself."""
        state = self.describe()
        transports = Counter(session.transport for session in self.service.sessions)
        return {
            "url": state.url,
            "version": state.version,
            "max_sessions": state.max_sessions,
            "sessions": state.sessions,
            "sessions_by_transport": {each: transports[each] for each in Transport},
            "is_draining": state.is_draining,
            "drain_ends_unix_s": self.draining.ends_unix_s,
            "flags_revision": self.flags_revision(),
            "registry_reachable": self.registry.is_reachable,
            "report": state.report.encode() if state.report else None,
        }

    async def instance(self, request: web.Request) -> web.Response:
        """The document."""
        return web.json_response(self.document())

    async def drain(self, request: web.Request) -> web.Response:
        """Takes no new sessions; live ones go on, up to the limit if the body has one."""
        wanted = DrainRequest()
        if request.can_read_body:
            wanted = read_drain(await read_body(request, JSON, LIMITS))
        notice_s = self.notice_s if wanted.notice_s is None else wanted.notice_s
        self.draining.begin(
            None if wanted.limit_s is None else DrainPolicy(wanted.limit_s, notice_s)
        )
        return web.json_response(self.document())

    async def undrain(self, request: web.Request) -> web.Response:
        """Takes new sessions again."""
        self.draining.take_back()
        return web.json_response(self.document())

    async def flags(self, request: web.Request) -> web.Response:
        """A flag document: taken if its revision is newer than the one in force."""
        text = (await read_whole(request, LIMITS)).decode(errors="replace")
        try:
            is_taken = self.offer_flags(text)
        except DocumentMalformed as malformed:
            raise RequestMalformed(f"The flag document cannot be read: {malformed}.") from None
        return web.json_response({"taken": is_taken, "flags_revision": self.flags_revision()})


def read_drain(body: bytes) -> DrainRequest:
    """Raises `RequestMalformed`, which names the member."""
    try:
        return DrainRequest.model_validate(json.loads(body))
    except ValidationError as failure:
        fault = failure.errors(include_url=False, include_input=False, include_context=False)[0]
        member = ".".join(map(str, fault["loc"])) or "the body"
        raise RequestMalformed(f"{member}: {fault['msg']}.") from None
    except (ValueError, RecursionError):
        raise RequestMalformed("The body is not JSON.") from None
