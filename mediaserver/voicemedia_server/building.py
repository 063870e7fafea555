"""Makes each room from the settings, and wires those that need each other.

What must be closed again goes on the stack of the process, which `main` owns. Nothing runs yet.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

from aiohttp import ClientSession, web
from aiohttp.typedefs import Middleware

from voicemedia_server.config.credentials import (
    MIN_SECRET_BYTES,
    admin_token,
    bearer_tokens,
    fleet_secret,
    key_set,
    turn_secret,
)
from voicemedia_server.config.sources import Configuration
from voicemedia_server.decisions.routes import Decisions, Endpoints, here
from voicemedia_server.edge.bodies import BodyLimits
from voicemedia_server.edge.clients import Clients
from voicemedia_server.edge.forwarding import Forwarder
from voicemedia_server.edge.ice_servers import IceServers
from voicemedia_server.edge.key_sets import FETCH_TIMEOUT, fetch_text
from voicemedia_server.edge.local_port import local_port_middleware
from voicemedia_server.edge.locations import Locations
from voicemedia_server.edge.problems import Uncounted, problem_middleware
from voicemedia_server.edge.rates import MethodRates, RateLimits
from voicemedia_server.edge.sealing import Sealer
from voicemedia_server.edge.session_tokens import SessionTokens
from voicemedia_server.edge.tokens import (
    Authenticator,
    JwtPolicy,
    JwtTokens,
    OpenAccess,
    StaticTokens,
    token_middleware,
)
from voicemedia_server.flags.evaluation import Flags
from voicemedia_server.flags.stores import local_store
from voicemedia_server.guard.guarding import Guard
from voicemedia_server.guard.outcomes import Outcomes
from voicemedia_server.heap import give_back
from voicemedia_server.packets.datagrams import has_ipv6, media_host
from voicemedia_server.packets.python_plane import PlaneSettings, PythonPlane
from voicemedia_server.ports import FlagStore
from voicemedia_server.registry.building import make_flag_store, make_registry
from voicemedia_server.registry.connection import WrongUrl
from voicemedia_server.registry_port import Registry
from voicemedia_server.service import Capacity, SessionService, Surroundings
from voicemedia_server.sessions.admission import Rate
from voicemedia_server.sessions.deadlines import Limits
from voicemedia_server.status.admin import Admin
from voicemedia_server.status.instance import Steering
from voicemedia_server.telemetry.metrics import Metrics
from voicemedia_server.transcode.libopus import LibopusMissing
from voicemedia_server.transcode.transcoders import TranscodeLimits, Transcoders
from voicemedia_server.webrtc.peers import WebRtcPeers
from voicemedia_server.websocket.line import Times
from voicemedia_server.websocket.routes import PATHS, WebSocketV2
from voicemedia_server.whip.negotiation import WhipPolicy
from voicemedia_server.whip.routes import ENDPOINT, Whip


class StartFailed(Exception):
    """Something that was asked for cannot be had; the message names the setting."""


class Builder:
    """Builds the rooms of one process. `stack` frees what they hold, in reverse order."""

    def __init__(
        self, configuration: Configuration, metrics: Metrics, stack: AsyncExitStack
    ) -> None:
        self._configuration = configuration
        self._settings = configuration.settings
        self._metrics = metrics
        self._stack = stack

    def plane(self) -> PythonPlane:
        """The packet plane; who asks opens and closes it."""
        settings = self._settings
        return PythonPlane(
            PlaneSettings(
                media_host(settings.udp.host, has_ipv6=has_ipv6()),
                settings.udp.port,
                ice_tcp=settings.ice_tcp,
                receive_buffer_bytes=settings.receive_buffer_bytes,
                coalesce_s=settings.coalesce_ms / 1000,
                tcp_bind_timeout_s=settings.setup_timeout_s,
            )
        )

    def peers(self, plane: PythonPlane) -> WebRtcPeers:
        """The WebRTC side, which advertises nothing yet."""
        return WebRtcPeers(plane, ())

    def transcoders(self, plane: PythonPlane) -> Transcoders | None:
        """None where decoded echoes are switched off. Raises `StartFailed` without libopus."""
        limit = self._settings.max_transcoded_sessions
        if limit == 0:
            return None
        try:
            transcoders = Transcoders(plane, TranscodeLimits(max_sessions=limit))
        except LibopusMissing as missing:
            raise StartFailed(
                f"max_transcoded_sessions: {missing}; install libopus, or choose 0"
            ) from None
        self._stack.push_async_callback(transcoders.close)
        return transcoders

    def registry(self) -> Registry:
        """The fleet's directory, left at the end. Raises `ConfigError` for a URL that is none."""
        try:
            registry = make_registry(self._settings, self._metrics)
        except WrongUrl as failure:
            raise self._configuration.error("registry_url", str(failure)) from None
        self._stack.push_async_callback(registry.leave)
        return registry

    def service(
        self,
        peers: WebRtcPeers,
        plane: PythonPlane,
        transcoders: Transcoders | None,
        registry: Registry,
        outcomes: Outcomes,
    ) -> SessionService:
        """What opens and ends sessions; who asks ends those that are left."""
        settings = self._settings
        return SessionService(
            peers,
            plane,
            Limits(
                setup_timeout_s=settings.setup_timeout_s,
                silent_after_s=settings.silent_after_s,
                consent_timeout_s=settings.consent_timeout_s,
                idle_timeout_s=settings.idle_timeout_s,
                max_session_s=settings.max_session_s,
            ),
            Capacity(settings.max_sessions, settings.max_pending),
            Surroundings([self._metrics, outcomes], transcoders, give_back, registry),
        )

    def whip(
        self,
        service: SessionService,
        authenticator: Authenticator,
        sealer: Sealer,
        forwarder: Forwarder | None,
    ) -> Whip:
        """WHIP's routes. Raises `ConfigError` for secrets that cannot be read."""
        settings = self._settings
        ice_servers = self._ice_servers()
        return Whip(
            service=service,
            authenticator=authenticator,
            clients=Clients(settings.trusted_proxies),
            rates=RateLimits(
                MethodRates(
                    post=Rate(settings.post_rate_per_s, settings.post_burst),
                    patch=Rate(settings.patch_rate_per_s, settings.patch_burst),
                    delete=Rate(settings.delete_rate_per_s, settings.delete_burst),
                )
            ),
            policy=WhipPolicy(
                echoes=settings.echo,
                rejects_video=settings.reject_video,
                trickle=settings.trickle,
                ice_restart=settings.ice_restart,
            ),
            limits=self._body_limits(),
            ice_servers=lambda: ice_servers,
            session_tokens=self._session_tokens(),
            locations=Locations(sealer, settings.peer_url),
            forwarder=forwarder,
        )

    def websocket(self, whip: Whip, plane: PythonPlane, sealer: Sealer) -> WebSocketV2:
        """Beside WHIP: the same sessions, tokens, clients and rates."""
        settings = self._settings
        return WebSocketV2(
            service=whip.service,
            plane=plane,
            authenticator=whip.authenticator,
            clients=whip.clients,
            rates=whip.rates,
            times=Times(
                start_s=settings.setup_timeout_s,
                ping_s=settings.websocket_ping_s,
                write_s=settings.request_timeout_s,
                notice_s=settings.drain_notice_s,
                mark_s=settings.websocket_mark_s,
                backlog_ms=settings.websocket_backlog_ms,
            ),
            counter=self._metrics,
            session_tokens=whip.session_tokens,
            sealer=sealer,
            pod=settings.instance_id or "",
            heartbeat_s=settings.websocket_heartbeat_s,
        )

    async def forwarder(self) -> Forwarder | None:
        """Only servers that share a secret can tell where another one is."""
        if self._settings.fleet_secret_file is None:
            return None
        return Forwarder(
            await self._stack.enter_async_context(ClientSession()), self._body_limits()
        )

    def flag_stores(self) -> list[FlagStore]:
        """Where the flag document is: in a file, in the fleet's Redis, or in both, else here. The
        last is the one that people and guards change."""
        of_fleet = make_flag_store(self._settings)
        if of_fleet is None:
            return [local_store(self._settings)]
        self._stack.push_async_callback(of_fleet.close)
        return [local_store(self._settings), of_fleet] if self._settings.flags_file else [of_fleet]

    def guard(self, stores: Sequence[FlagStore], registry: Registry) -> Guard | None:
        """Of the store that people change too. None where it is switched off, or the document is
        this process's own."""
        settings = self._settings
        has_rollout = settings.flags_file is not None or settings.registry_url is not None
        if not (settings.guard and has_rollout):
            return None
        return Guard(stores[-1], registry, self._metrics.guarding)

    def decisions(self, whip: Whip, flags: Flags, registry: Registry) -> Decisions:
        """Beside WHIP: the same tokens, clients, rates and ICE servers. In a fleet whose servers
        have public URLs it asks the registry which of them has room."""
        return Decisions(
            authenticator=whip.authenticator,
            clients=whip.clients,
            rates=whip.rates,
            limits=whip.limits,
            ice_servers=whip.ice_servers(),
            tokens=whip.session_tokens,
            evaluate=flags.evaluate,
            observer=self._metrics,
            endpoints=Endpoints(ENDPOINT, PATHS[0]),
            find_place=partial(origin_with_room, registry) if self._settings.public_url else here,
        )

    async def authenticator(self) -> Authenticator:
        """Who is let in. Raises `ConfigError` for tokens or keys that cannot be read."""
        settings = self._settings
        match settings.auth_mode:
            case "none":
                return OpenAccess()
            case "token":
                return StaticTokens(bearer_tokens(self._configuration))
        policy = JwtPolicy(
            settings.jwt_algorithms,
            settings.jwt_issuer,
            settings.jwt_audience,
            settings.jwt_scope,
        )
        document = key_set(self._configuration)
        if document is not None:
            given = document

            async def from_file() -> str:
                return given

            return JwtTokens(policy, from_file)
        http = await self._stack.enter_async_context(ClientSession(timeout=FETCH_TIMEOUT))
        assert settings.jwks_url is not None, "auth_mode jwt has one of the two"
        return JwtTokens(policy, partial(fetch_text, http, settings.jwks_url))

    def admin(
        self, service: SessionService, registry: Registry, steering: Steering
    ) -> web.Application:
        """The admin port's routes. Raises `ConfigError` for a token that cannot be read."""
        app = web.Application(middlewares=[problem_middleware(Uncounted()), self._admin_access()])
        Admin(service, registry).add_to(app)
        steering.add_to(app)
        return app

    def _admin_access(self) -> Middleware:
        token = admin_token(self._configuration)
        if token is not None:
            return token_middleware(StaticTokens([token]))
        address = self._settings.admin
        assert address is not None, "there is an admin port"
        return local_port_middleware(address)

    def _body_limits(self) -> BodyLimits:
        return BodyLimits(self._settings.max_body_bytes, self._settings.request_timeout_s)

    def _session_tokens(self) -> SessionTokens:
        secret = fleet_secret(self._configuration) or secrets.token_bytes(MIN_SECRET_BYTES)
        return SessionTokens(secret, self._settings.session_token_ttl_s)

    def _ice_servers(self) -> IceServers:
        settings = self._settings
        secret = turn_secret(self._configuration)
        return IceServers(settings.ice_servers, secret, settings.turn_ttl_s)


async def origin_with_room(registry: Registry) -> str | None:
    """Of a server of the fleet that takes new sessions, if one can be found."""
    found = await registry.choose(random.random)
    return None if found is None else found.state.url
