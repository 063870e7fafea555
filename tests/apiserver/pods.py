"""A media pod's admin port for tests: it answers as it is set, and keeps what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

TOKEN = "t" * 43
DOCUMENT: dict[str, Any] = {
    "id": "voice-1",
    "max_sessions": 500,
    "sessions": 7,
    "sessions_by_transport": {"webrtc": 5, "websocket": 2},
    "is_draining": False,
    "flags_revision": 4,
    "registry_reachable": True,
}


class MediaPod:
    """`port` is where it answers, on loopback. With `obeys` it does what it is told."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.obeys = False
        self.told: list[tuple[str, Any]] = []
        self.document: Any = DOCUMENT
        self.is_silent = False
        self.port = 0

    async def _answer(self, request: web.Request) -> web.Response:
        if self.is_silent:
            await asyncio.sleep(30)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401)
        if request.path == "/instance":
            return web.json_response(self.document)
        body = await request.json() if request.can_read_body else None
        self.told.append((f"{request.method} {request.path}", body))
        if self.obeys:
            self._obey(request.path, body)
        return web.json_response({})

    def _obey(self, path: str, body: Any) -> None:
        if path == "/flags":
            self.document = {**self.document, "flags_revision": body["rollout"]["revision"]}
        else:
            self.document = {**self.document, "is_draining": path == "/drain"}

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[MediaPod]:
        """Answers while the block runs."""
        app = web.Application()
        app.router.add_route("*", "/{path}", self._answer)
        async with TestServer(app, host=host, port=port or None) as server:
            assert server.port is not None
            self.port = server.port
            yield self
