"""`GET /v2/ws`: who may connect, and in which dialect."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from voicemedia_server.edge.clients import Clients
from voicemedia_server.edge.problems import RefusalCounter, UpgradeRequired
from voicemedia_server.edge.rates import RateLimits
from voicemedia_server.edge.sealing import Sealer
from voicemedia_server.edge.session_tokens import PARAMETER, SessionTokens
from voicemedia_server.edge.tokens import Authenticator
from voicemedia_server.ports import PacketPlane
from voicemedia_server.service import SessionService
from voicemedia_server.sessions.refusals import Unauthenticated
from voicemedia_server.websocket.line import Exchange, Line, Times
from voicemedia_server.websocket.masks import guard_masks
from voicemedia_server.websocket.messages import MAX_MESSAGE_BYTES
from voicemedia_server.websocket.protocol import Dialect, choose_dialect
from voicemedia_server.websocket.resumption import Resumption

PATHS = ("/v2/ws", "/ws/v2")
HEARTBEAT_S = 15.0
MAX_READ_BYTES = 4 * MAX_MESSAGE_BYTES
"""Up to here a client is told why its message is refused; beyond, the socket closes by itself."""


@dataclass(frozen=True, slots=True)
class WebSocketV2:
    """What the endpoint needs. `pod` is the name of this server in a fleet."""

    service: SessionService
    plane: PacketPlane
    authenticator: Authenticator
    clients: Clients
    rates: RateLimits
    times: Times
    counter: RefusalCounter
    session_tokens: SessionTokens
    sealer: Sealer
    pod: str = ""
    heartbeat_s: float = HEARTBEAT_S

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        for path in PATHS:
            app.router.add_get(path, self.connect, allow_head=False)

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serves one connection to its end. All refusals come before the upgrade, but for a token
        that only the start can bring; a plain GET is told them too, since browsers hide from pages
        why a WebSocket was refused."""
        self.rates.check("POST", self.clients.key(request))
        response = web.WebSocketResponse(
            protocols=tuple(Dialect),
            heartbeat=self.heartbeat_s,
            max_msg_size=MAX_READ_BYTES,
            compress=False,
            autoping=False,
            writer_limit=0,
        )
        is_upgrade = response.can_prepare(request).ok
        principal = await self._principal(request, may_start_tell=is_upgrade)
        decision = self.session_tokens.decision_of(request.query.get(PARAMETER))
        self.service.check_admission()
        if not is_upgrade:
            raise UpgradeRequired("websocket")
        guard_masks(request.transport)
        await response.prepare(request)
        dialect = choose_dialect([response.ws_protocol] if response.ws_protocol else [])
        exchange = Exchange(
            self.service,
            self.plane,
            self.authenticator,
            self.times,
            self.counter,
            Resumption(self.sealer),
            self.pod,
        )
        await Line(exchange, response, dialect).run(request, principal, decision)
        return response

    async def _principal(self, request: web.Request, *, may_start_tell: bool) -> str | None:
        """Who asks, or `None` where only the start can tell: Twilio's dialect has no header."""
        authorization = request.headers.get("Authorization")
        token = request.query.get("token")
        if authorization is None and token:
            authorization = f"Bearer {token}"
        try:
            return await self.authenticator.principal(authorization)
        except Unauthenticated:
            if authorization is not None or not may_start_tell:
                raise
            return None
