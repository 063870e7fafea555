"""What operators, probes and scrapers ask, and the page (GET only)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files

from aiohttp import web

from voicemedia_server.ports import PacketPlane
from voicemedia_server.service import SessionService
from voicemedia_server.sessions.refusals import Draining, Refusal
from voicemedia_server.status.summary import count_drops, count_sessions, describe_session

CHUNK_SESSIONS = 100
"""Sessions described before other work gets its turn."""
DEFAULT_LIMIT = 1000
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; media-src 'self' blob: mediastream:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
PAGE_FILES = {
    "/": ("index.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}


@dataclass(frozen=True, slots=True)
class Status:
    """What the status routes need."""

    service: SessionService
    plane: PacketPlane
    render_metrics: Callable[[str], Awaitable[tuple[str, bytes]]]
    version: str
    started_ns: int

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/livez", self.livez)
        app.router.add_get("/readyz", self.readyz)
        app.router.add_get("/health", self.health)
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/stats", self.stats)
        for path in PAGE_FILES:
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
        """The page that makes an echo call."""
        name, content_type = PAGE_FILES[request.path]
        body = files("voicemedia_server.status").joinpath("page", name).read_bytes()
        return web.Response(
            body=body,
            content_type=content_type,
            charset="utf-8",
            headers={
                "Content-Security-Policy": CONTENT_SECURITY_POLICY,
                "Permissions-Policy": "microphone=(self)",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-cache",
            },
        )


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not text.isdigit():
        raise Refusal("limit must be a whole number, 0 or more.")
    return int(text)
