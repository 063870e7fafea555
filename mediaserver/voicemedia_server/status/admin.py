"""The local admin port: drain and take it back, see and end sessions. Never public."""

from __future__ import annotations

import time
from dataclasses import dataclass

from aiohttp import web

from voicemedia_server.service import SessionService
from voicemedia_server.session import Session
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.sessions.refusals import SessionUnknown
from voicemedia_server.status.summary import count_sessions, describe_session


@dataclass(frozen=True, slots=True)
class Admin:
    """What the admin routes need."""

    service: SessionService

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_post("/drain", self.drain)
        app.router.add_post("/undrain", self.undrain)
        app.router.add_get("/sessions", self.sessions)
        app.router.add_delete("/sessions/{label}", self.end)

    def _state(self) -> web.Response:
        service = self.service
        body = {"draining": service.is_draining, "sessions": count_sessions(service.sessions)}
        return web.json_response(body)

    async def drain(self, request: web.Request) -> web.Response:
        """Takes no new sessions; live ones go on. Doing it twice changes nothing."""
        self.service.drain()
        return self._state()

    async def undrain(self, request: web.Request) -> web.Response:
        """Takes new sessions again."""
        self.service.undrain()
        return self._state()

    async def sessions(self, request: web.Request) -> web.Response:
        """All live sessions."""
        now_ns = time.monotonic_ns()
        service = self.service
        live = [session for session in service.sessions if session.close_reason is None]
        return web.json_response([describe_session(s, service.stats(s), now_ns) for s in live])

    async def end(self, request: web.Request) -> web.Response:
        """Ends the session with this label."""
        session = self._labelled(request.match_info["label"])
        await self.service.close_session(session, CloseReason.STOPPED)
        return self._state()

    def _labelled(self, label: str) -> Session:
        for session in self.service.sessions:
            if session.label == label and session.close_reason is None:
                return session
        raise SessionUnknown(f"No live session has the label {label}.")
