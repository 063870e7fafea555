"""A door before a server that holds what strangers say over WebSocket to the published schemas."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web

from interop.server_process import ServerProcess
from mediaserver.websocket.checked import Minutes, Side

AnySocket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


class CheckedDoor:
    """Passes messages on, and takes the `minutes`."""

    def __init__(self, server: ServerProcess) -> None:
        self.minutes = Minutes()
        self._server = server

    async def pass_on(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, to its end."""
        near = web.WebSocketResponse()
        url = self._server.base_url + request.path_qs
        async with self._server.http.ws_connect(url) as far:
            await near.prepare(request)
            await pass_messages(near, far, self.minutes)
        return near


async def pass_messages(near: AnySocket, far: AnySocket, minutes: Minutes | None = None) -> None:
    """Both ways, until one side is closed; then the other is, with its code. What is said goes into
    the minutes."""
    async with asyncio.TaskGroup() as ways:
        ways.create_task(_copy("client", near, far, minutes))
        ways.create_task(_copy("server", far, near, minutes))


async def _copy(side: Side, source: AnySocket, target: AnySocket, minutes: Minutes | None) -> None:
    async for message in source:
        if message.type is WSMsgType.TEXT:
            if minutes is not None:
                minutes.take(side, message.data)
            await target.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await target.send_bytes(message.data)
    await target.close(code=source.close_code or WSCloseCode.OK)


@asynccontextmanager
async def checked_door(server: ServerProcess) -> AsyncIterator[tuple[CheckedDoor, str]]:
    """The door and the URL before it."""
    door = CheckedDoor(server)
    app = web.Application()
    app.router.add_get("/v2/ws", door.pass_on)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield door, f"ws://127.0.0.1:{runner.addresses[0][1]}/v2/ws"
    finally:
        await runner.cleanup()
