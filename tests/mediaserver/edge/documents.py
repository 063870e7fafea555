"""A web server that gives one document, in whatever way a test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Give = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(give: Give) -> AsyncIterator[str]:
    """The URL at which this is given."""
    app = web.Application()
    app.router.add_get("/document", give)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/document"
    finally:
        await runner.cleanup()
