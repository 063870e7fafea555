"""What stands before several servers: new sessions go to one, and each session to its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
from aiohttp import web

from interop.checked_door import pass_messages
from interop.server_process import ServerProcess

PASSED_ON = ("Content-Type", "If-Match", "Authorization", "Accept", "Accept-Encoding")
NOT_PASSED_BACK = ("Transfer-Encoding", "Content-Length", "Connection", "Date", "Server")


class FrontDoor:
    """Routes by session, as a cluster does. `newest` takes the new sessions."""

    def __init__(self, newest: ServerProcess, http: aiohttp.ClientSession) -> None:
        self.newest = newest
        self.url = ""
        self._http = http
        self._owners: dict[str, ServerProcess] = {}

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """One request, and its answer as it comes."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._pass_on_websocket(request)
        key = request.path.rsplit("/", 1)[-1]
        owner = self._owners.get(key, self.newest)
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        async with self._http.request(
            request.method,
            owner.base_url + request.path_qs,
            headers={**headers, "Host": request.host},
            data=await request.read(),
        ) as answer:
            back = web.StreamResponse(status=answer.status)
            for name, value in answer.headers.items():
                if name.title() not in NOT_PASSED_BACK:
                    back.headers.add(name, value)
            if answer.status == 201:
                self._owners[answer.headers["Location"].rsplit("/", 1)[-1]] = owner
                for link in answer.links.values():
                    self._owners[str(link["url"]).rsplit("/", 1)[-1]] = owner
            with suppress(ConnectionError):  # the browser left while it was answered
                await back.prepare(request)
                async for chunk in answer.content.iter_any():
                    await back.write(chunk)
                await back.write_eof()
            return back

    async def _pass_on_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Messages both ways, and the close code that the server gave."""
        offered = request.headers.get("Sec-WebSocket-Protocol", "").split(", ")
        near = web.WebSocketResponse(protocols=offered)
        url = self.newest.base_url + request.path_qs
        async with self._http.ws_connect(url, protocols=offered) as far:
            await near.prepare(request)
            await pass_messages(near, far)
        return near


@asynccontextmanager
async def front_door(first: ServerProcess) -> AsyncIterator[FrontDoor]:
    """A front door on loopback, before `first` to begin with."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as http:
        door = FrontDoor(first, http)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", door.pass_on)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield door
        finally:
            await runner.cleanup()
