"""The admin port's view of sessions: see and end them, in the whole fleet. Never public."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from voicemedia_server.audit import Happening, SessionFacts
from voicemedia_server.registry_port import InstanceRecord, Registry, SessionRecord
from voicemedia_server.routing.decision import Decision
from voicemedia_server.service import SessionService
from voicemedia_server.session import Session
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.sessions.refusals import Refusal, RefusalReason, SessionUnknown
from voicemedia_server.status.summary import count_sessions, describe_session

AFTER = re.compile(r"(?:[0-9]{1,19}-[0-9]{1,19})?")
LIMIT = re.compile(r"[1-9][0-9]{0,2}|1000")


class AuditQueryMalformed(Refusal):
    """What was asked of the audit makes no sense."""

    status = 400
    reason = RefusalReason.BAD_REQUEST
    title = "The request cannot be read"


@dataclass(frozen=True, slots=True)
class Admin:
    """What the admin routes need."""

    service: SessionService
    registry: Registry

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/sessions", self.sessions)
        app.router.add_get("/sessions/{label}", self.show)
        app.router.add_delete("/sessions/{label}", self.end)
        app.router.add_get("/instances", self.instances)
        app.router.add_get("/events", self.events)

    def _state(self) -> web.Response:
        service = self.service
        body = {"draining": service.is_draining, "sessions": count_sessions(service.sessions)}
        return web.json_response(body)

    async def sessions(self, request: web.Request) -> web.Response:
        """Sessions of the whole fleet, oldest first; those that live here with their figures."""
        records = await self.registry.sessions()
        return web.json_response([self._described(record) for record in records])

    async def show(self, request: web.Request) -> web.Response:
        """One session of the fleet."""
        return web.json_response(self._described(await self._record(request)))

    async def end(self, request: web.Request) -> web.Response:
        """Ends the session with this label: at once where it lives here, else (202) the instance
        that holds it is asked, and hears of it within a second."""
        session = self._own(request.match_info["label"])
        if session is not None:
            self.registry.note(Happening.ASKED, SessionFacts(session.label))
            await self.service.close_session(session, CloseReason.STOPPED)
            return self._state()
        record = await self._record(request)
        if not await self.registry.ask_to_end(record.label):
            raise SessionUnknown(f"No live session has the label {record.label}.")
        self.registry.note(Happening.ASKED, SessionFacts(record.label))
        return web.json_response({"asked": record.instance}, status=202)

    async def instances(self, request: web.Request) -> web.Response:
        """Instances of the fleet, and whether the directory is reachable."""
        found = await self.registry.instances()
        body = {
            "registry_reachable": self.registry.is_reachable,
            "instances": [_described_instance(record) for record in found],
        }
        return web.json_response(body)

    async def events(self, request: web.Request) -> web.Response:
        """What happened in the fleet, oldest first: the newest, or what follows the id `after`."""
        after, limit = request.query.get("after", ""), request.query.get("limit", "100")
        if not AFTER.fullmatch(after):
            raise AuditQueryMalformed("after is the id of an event.")
        if not LIMIT.fullmatch(limit):
            raise AuditQueryMalformed("limit is a number from 1 to 1000.")
        found = await self.registry.audit(after, int(limit))
        body = {
            "registry_reachable": self.registry.is_reachable,
            "events": [{"id": noted.id, **noted.entry.describe()} for noted in found],
        }
        return web.json_response(body)

    async def _record(self, request: web.Request) -> SessionRecord:
        label = request.match_info["label"]
        for record in await self.registry.sessions():
            if record.label == label:
                return record
        raise SessionUnknown(f"No live session has the label {label}.")

    def _described(self, record: SessionRecord) -> dict[str, Any]:
        """A record; with the figures of a session that lives here."""
        found: dict[str, Any] = {
            "session": record.label,
            "instance": record.instance,
            "transport": record.transport,
            "opened_unix_s": record.opened_unix_s,
            **_described_decision(record.decision),
        }
        session = self._own(record.label)
        if session is not None:
            figures = describe_session(session, self.service.stats(session), time.monotonic_ns())
            found |= figures
        return found

    def _own(self, label: str) -> Session | None:
        for session in self.service.sessions:
            if session.label == label and session.close_reason is None:
                return session
        return None


def _described_decision(decision: Decision | None) -> dict[str, Any]:
    """What the session was born with; `null` throughout where nobody asked for a decision."""
    if decision is None:
        return dict.fromkeys(("variant", "reason", "revision", "tenant"))
    return asdict(decision)


def _described_instance(record: InstanceRecord) -> dict[str, Any]:
    return {"instance": record.id, "epoch": record.epoch, **asdict(record.state)}
