"""/livez, /readyz and /metrics of the operator."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from voicemedia_operator.telemetry.metrics import Metrics
from voicemedia_operator.telemetry.pulse import Pulse

FAREWELL_S = 1.0


@dataclass(slots=True)
class Endpoints:
    """`is_ready`: the operator acts, or stands by and could."""

    metrics: Metrics
    pulse: Pulse
    is_ready: bool = False

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        return app

    async def _livez(self, request: web.Request) -> web.Response:
        """Fails when a loop is stuck: then only a new process helps."""
        stuck = list(self.pulse.stuck(time.monotonic()))
        if stuck:
            return web.Response(status=503, text=f"loops that do not complete: {len(stuck)}\n")
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        if not self.is_ready:
            return web.Response(status=503, text="the API server was not reached yet\n")
        return web.Response(text="ok\n")

    async def _metrics(self, request: web.Request) -> web.Response:
        self.metrics.resources.set(self.pulse.count)
        content, content_type = self.metrics.render(request.headers.get("Accept", ""))
        return web.Response(body=content, headers={"Content-Type": content_type})

    @asynccontextmanager
    async def serving(self, host: str | None, port: int) -> AsyncIterator[int]:
        """Answers while the block runs, at all addresses without a host; gives the port.

        Raises `OSError`.
        """
        runner = web.AppRunner(
            self.app(), access_log=None, handle_signals=False, shutdown_timeout=FAREWELL_S
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            found: int = runner.addresses[0][1]
            yield found
        finally:
            await runner.cleanup()
