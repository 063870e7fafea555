"""`POST /v2/session` over HTTP: thin, decides nothing itself."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from aiohttp import web

from voicemedia_server.decisions.requests import describe_ice_servers, read_request
from voicemedia_server.edge.bodies import BodyLimits, read_body
from voicemedia_server.edge.clients import Clients
from voicemedia_server.edge.ice_servers import IceServers, pseudonym
from voicemedia_server.edge.rates import RateLimits
from voicemedia_server.edge.session_tokens import PARAMETER, Grant, SessionTokens
from voicemedia_server.edge.tokens import Authenticator
from voicemedia_server.routing.decision import Capabilities, Decision, Evaluation, decide
from voicemedia_server.sessions.refusals import InvalidSessionToken

PATH = "/v2/session"
JSON = "application/json"
Evaluate = Callable[[str, str | None], Evaluation | None]


FindPlace = Callable[[], Awaitable[str | None]]


async def here() -> None:
    """The place of a server that knows no others."""


class DecisionObserver(Protocol):
    """Counts decisions; implemented by `telemetry`."""

    def decided(self, decision: Decision) -> None: ...


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Paths of the two endpoints that a client may be sent to."""

    whip: str
    websocket: str


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the endpoint needs. `evaluate(client_id, tenant)` asks the flag; `find_place()` gives
    the origin of a server that has room, `None` for the host that was asked."""

    authenticator: Authenticator
    clients: Clients
    rates: RateLimits
    limits: BodyLimits
    ice_servers: IceServers
    tokens: SessionTokens
    evaluate: Evaluate
    observer: DecisionObserver
    endpoints: Endpoints
    find_place: FindPlace = here

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_post(PATH, self.choose)
        app.router.add_options(PATH, self.options)

    async def choose(self, request: web.Request) -> web.Response:
        """POST: who and what a client is in, its transport and where to go out."""
        self.rates.check("POST", self.clients.key(request))
        principal = await self.authenticator.principal(request.headers.get("Authorization"))
        asked = read_request(await read_body(request, JSON, self.limits))
        kept = None
        if asked.resume is not None:
            grant = self.tokens.read(asked.resume)
            if grant.client_id != asked.client_id:
                raise InvalidSessionToken("The token in resume is another client's.")
            kept = grant.decision
        decision = decide(
            self.evaluate(asked.client_id, asked.tenant),
            Capabilities(asked.capabilities.webrtc, asked.capabilities.websocket),
            kept,
            asked.tenant,
        )
        self.observer.decided(decision)
        token = self.tokens.sign(Grant(asked.client_id, decision))
        whip_url, websocket_url = await self._urls(request)
        query = f"?{PARAMETER}={quote(token, safe='')}"
        servers = self.ice_servers.told_to(pseudonym(principal), int(time.time()))
        return web.json_response(
            {
                "transport": decision.transport,
                "variant": decision.variant,
                "reason": decision.reason,
                "revision": decision.revision,
                "session_token": token,
                "expires_in_s": self.tokens.ttl_s,
                "urls": {
                    "whip": whip_url + query,
                    "websocket": websocket_url.replace("http", "ws", 1) + query
                    if websocket_url.startswith("http")
                    else websocket_url + query,
                },
                "ice_servers": describe_ice_servers(servers),
            },
            headers={"Cache-Control": "no-store"},
        )

    async def _urls(self, request: web.Request) -> tuple[str, str]:
        """Of the two endpoints, at the server that has room."""
        whip, websocket = self.endpoints.whip, self.endpoints.websocket
        origin = await self.find_place()
        if origin is not None:
            return origin + whip, origin + websocket
        return self.clients.url(request, whip), self.clients.url(request, websocket)

    async def options(self, request: web.Request) -> web.Response:
        """OPTIONS: what may be posted."""
        return web.Response(status=200, headers={"Accept-Post": JSON, "Allow": "POST, OPTIONS"})
