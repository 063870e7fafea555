"""What operators, probes and scrapers ask, and the page (GET only)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from voicemedia_server.ports import PacketPlane
from voicemedia_server.service import SessionService
from voicemedia_server.sessions.refusals import Draining, Refusal
from voicemedia_server.status.page import PageFile, accepts_gzip, load_page
from voicemedia_server.status.summary import count_drops, count_sessions, describe_session

CHUNK_SESSIONS = 100
"""Sessions described before other work gets its turn."""
DEFAULT_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Status:
    """What the status routes need."""

    service: SessionService
    plane: PacketPlane
    render_metrics: Callable[[str], Awaitable[tuple[str, bytes]]]
    version: str
    started_ns: int
    page_files: Mapping[str, PageFile] = field(default_factory=load_page)

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/livez", self.livez)
        app.router.add_get("/readyz", self.readyz)
        app.router.add_get("/health", self.health)
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/stats", self.stats)
        for path in self.page_files:
            app.router.add_get(path, self.page)

    async def livez(self, request: web.Request) -> web.Response:
        """The event loop turns; draining does not matter here."""
        return web.Response(text="alive\n")

    async def readyz(self, request: web.Request) -> web.Response:
        """New sessions are taken. Raises `Draining`."""
        if self.service.is_draining:
            raise Draining("This server takes no new sessions.", retry_after_s=1)
        return web.Response(text="ready\n")

    async def health(self, request: web.Request) -> web.Response:
        """A readable summary."""
        service = self.service
        return web.json_response(
            {
                "status": "draining" if service.is_draining else "ok",
                "version": self.version,
                "uptime_s": round((time.monotonic_ns() - self.started_ns) / 1e9, 1),
                "sessions": count_sessions(service.sessions),
                "max_sessions": service.capacity.max_sessions,
            }
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """Prometheus or OpenMetrics, as the scraper accepts."""
        content_type, body = await self.render_metrics(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def stats(self, request: web.Request) -> web.Response:
        """All figures as JSON; `?limit=` bounds the sessions that are described."""
        limit = _limit(request.query.get("limit"))
        service = self.service
        described = []
        for position, session in enumerate(service.sessions[:limit]):
            if position % CHUNK_SESSIONS == CHUNK_SESSIONS - 1:
                await asyncio.sleep(0)
            if session.close_reason is None:
                stats = service.stats(session)
                described.append(describe_session(session, stats, time.monotonic_ns()))
        return web.json_response(
            {
                "sessions": count_sessions(service.sessions),
                "draining": service.is_draining,
                "drops": count_drops(self.plane.drops()),
                "per_session": described,
            }
        )

    async def page(self, request: web.Request) -> web.Response:
        """A file of the page."""
        file = self.page_files[request.path]
        is_compressed = accepts_gzip(request.headers.get("Accept-Encoding", ""))
        return web.Response(
            body=file.compressed if is_compressed else file.body,
            headers=file.headers(is_compressed=is_compressed),
        )


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not text.isdigit():
        raise Refusal("limit must be a whole number, 0 or more.")
    return int(text)
