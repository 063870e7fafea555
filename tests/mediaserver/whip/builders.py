"""WHIP's routes on the real service, and offers of real clients."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.edge.test_problems import Tally
from mediaserver.twins import MemoryPeers, MemoryPlane
from voicemedia_server.edge.bodies import BodyLimits
from voicemedia_server.edge.clients import Clients
from voicemedia_server.edge.ice_servers import IceServers
from voicemedia_server.edge.locations import Locations
from voicemedia_server.edge.problems import problem_middleware
from voicemedia_server.edge.rates import MethodRates, RateLimits
from voicemedia_server.edge.sealing import Sealer
from voicemedia_server.edge.session_tokens import SessionTokens
from voicemedia_server.edge.tokens import Authenticator, OpenAccess
from voicemedia_server.service import Capacity, SessionService
from voicemedia_server.sessions.deadlines import Limits
from voicemedia_server.whip.negotiation import WhipPolicy
from voicemedia_server.whip.routes import ENDPOINT, Whip

OFFERS = Path(__file__).parents[1] / "webrtc" / "offers"
OFFER = (OFFERS / "chromium_156.sdp").read_bytes()
SDP = {"Content-Type": "application/sdp"}
TRICKLE = {"Content-Type": "application/trickle-ice-sdpfrag"}
HEARTBEAT_S = 0.05
TOKENS = SessionTokens(b"s" * 32, 60)


@dataclass
class World:
    """The endpoint that runs, and what stands behind it."""

    service: SessionService
    peers: MemoryPeers
    http: TestClient[web.Request, web.Application]

    async def post(self, body: bytes = OFFER, query: str = "", **headers: str) -> ClientResponse:
        return await self.http.post(ENDPOINT + query, data=body, headers={**SDP, **headers})

    async def patch(self, path: str, fragment: str, **headers: str) -> ClientResponse:
        return await self.http.patch(path, data=fragment, headers={**TRICKLE, **headers})


@contextlib.asynccontextmanager
async def a_world(
    authenticator: Authenticator | None = None,
    policy: WhipPolicy | None = None,
    ice_servers: IceServers | None = None,
    capacity: Capacity | None = None,
) -> AsyncIterator[World]:
    """Open to all, with places for ten, unless it is said otherwise."""
    peers = MemoryPeers()
    service = SessionService(
        peers, MemoryPlane(), Limits(15, 8, 30, 60, 3600), capacity or Capacity(10, 10)
    )
    servers = ice_servers or IceServers((), None, 3600)
    app = web.Application(middlewares=[problem_middleware(Tally())])
    Whip(
        service=service,
        authenticator=authenticator or OpenAccess(),
        clients=Clients(),
        rates=RateLimits(MethodRates()),
        policy=policy or WhipPolicy(),
        limits=BodyLimits(65536, 5),
        ice_servers=lambda: servers,
        session_tokens=TOKENS,
        locations=Locations(Sealer()),
        heartbeat_s=HEARTBEAT_S,
    ).add_to(app)
    async with TestClient(TestServer(app)) as http:
        yield World(service, peers, http)
