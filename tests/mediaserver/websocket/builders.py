"""The endpoint on the real plane and service, and clients that connect to it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from mediaserver.edge.test_problems import Tally
from mediaserver.packets.builders import Scene, a_scene
from mediaserver.twins import MemoryPeers
from mediaserver.websocket.checked import CheckedSocket
from voicemedia_server.edge.clients import Clients
from voicemedia_server.edge.problems import problem_middleware
from voicemedia_server.edge.rates import MethodRates, RateLimits
from voicemedia_server.edge.sealing import Sealer
from voicemedia_server.edge.session_tokens import SessionTokens
from voicemedia_server.edge.tokens import Authenticator, OpenAccess
from voicemedia_server.ports import PacketPlane
from voicemedia_server.service import Capacity, SessionService
from voicemedia_server.sessions.deadlines import Limits
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.websocket.line import Times
from voicemedia_server.websocket.routes import PATHS, WebSocketV2

WITHIN_S = 10.0
SECRET = b"a secret of all servers of the fleet"
TIMES = Times(start_s=5, ping_s=5, write_s=5, notice_s=5, overlap_s=0.05)
TOKENS = SessionTokens(b"s" * 32, 60)
START = {"event": "start", "streamSid": "MZ1"}
UNLIMITED = MethodRates()


@dataclass
class World:
    """An endpoint that runs."""

    scene: Scene
    service: SessionService
    url: str
    http: aiohttp.ClientSession
    tally: Tally

    @contextlib.asynccontextmanager
    async def connected(
        self, *protocols: str, query: str = "", **headers: str
    ) -> AsyncIterator[Client]:
        async with self.http.ws_connect(
            self.url + query, protocols=protocols, headers=headers
        ) as socket:
            yield Client(socket)

    async def until_empty(self) -> None:
        await asyncio.wait_for(self.service.wait_until_empty(), WITHIN_S)


class Client(CheckedSocket):
    """A WebSocket client that says and hears only what is published."""

    async def speak(self, payload: bytes, chunk: int) -> None:
        encoded = base64.b64encode(payload).decode()
        media = {"payload": encoded, "chunk": str(chunk), "timestamp": str(20 * chunk)}
        await self.say({"event": "media", "media": media})

    async def hear_of(self, *events: str) -> dict[str, Any]:
        """The next message of these events, or any."""
        while True:
            heard = await self.hear(WITHIN_S)
            assert isinstance(heard, dict), heard
            if not events or heard["event"] in events:
                return heard

    def break_off(self) -> None:
        """The connection is reset, as when a network goes away."""
        connection = self.socket._response.connection  # aiohttp has no public way
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()

    async def closed(self) -> int:
        """The close code; what is said before it is passed over."""
        while await self.hear(WITHIN_S) is not None:
            pass
        assert self.socket.close_code is not None
        return self.socket.close_code


@contextlib.asynccontextmanager
async def a_world(
    authenticator: Authenticator | None = None,
    capacity: int = 10,
    times: Times = TIMES,
    plane: PacketPlane | None = None,
    rates: MethodRates = UNLIMITED,
) -> AsyncIterator[World]:
    """On the scene's plane, unless a test brings its own."""
    async with a_scene() as scene:
        plane = plane or scene.plane
        service = SessionService(
            MemoryPeers(), plane, Limits(15, 8, 30, 60, 3600), Capacity(capacity, 10)
        )
        tally = Tally()
        app = web.Application(middlewares=[problem_middleware(tally)])
        WebSocketV2(
            service=service,
            plane=plane,
            authenticator=authenticator or OpenAccess(),
            clients=Clients(),
            rates=RateLimits(rates),
            times=times,
            counter=tally,
            session_tokens=TOKENS,
            sealer=Sealer(SECRET),
        ).add_to(app)
        async with TestServer(app) as server, aiohttp.ClientSession() as http:
            yield World(scene, service, str(server.make_url(PATHS[0])), http, tally)
            await service.close_all(CloseReason.STOPPED)
