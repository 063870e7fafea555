"""Builds everything, runs it, drains it and stops it: the composition root.

The only module that knows all rooms. Signals: SIGTERM and SIGINT drain and leave (a second one
leaves at once), SIGUSR1 drains, SIGUSR2 takes it back.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import os
import signal
import ssl
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib.metadata import version as distribution_version
from typing import Any

import structlog
from aiohttp import ClientSession, ClientTimeout, web

from voicemedia_server.config import ConfigError, Settings, load, make_parser, split_address
from voicemedia_server.edge.bodies import BodyLimits
from voicemedia_server.edge.clients import Clients
from voicemedia_server.edge.cors import add_cors
from voicemedia_server.edge.problems import problem_middleware
from voicemedia_server.edge.rates import MethodRates, RateLimits
from voicemedia_server.edge.tokens import (
    Authenticator,
    JwtPolicy,
    JwtTokens,
    OpenAccess,
    StaticTokens,
)
from voicemedia_server.packets.datagrams import has_ipv6
from voicemedia_server.packets.python_plane import PlaneSettings, PythonPlane
from voicemedia_server.service import Capacity, DrainPolicy, SessionService
from voicemedia_server.sessions.admission import Rate
from voicemedia_server.sessions.deadlines import Limits
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.status.admin import Admin
from voicemedia_server.status.routes import Status
from voicemedia_server.telemetry.logs import set_up_logs
from voicemedia_server.telemetry.metrics import Metrics, Reading
from voicemedia_server.webrtc.addresses import Advertised, are_all_private, host_addresses
from voicemedia_server.webrtc.peers import WebRtcPeers
from voicemedia_server.webrtc.reflexive import ReflexiveDiscovery
from voicemedia_server.whip.links import IceServers
from voicemedia_server.whip.negotiation import WhipPolicy
from voicemedia_server.whip.routes import Whip

log = structlog.get_logger("server")

LAG_PROBE_S = 0.5
GC_THRESHOLDS = (50_000, 20, 100)
"""Closed sessions leave no circles, so full collections may be rare: their pauses are heard."""


class StartFailed(Exception):
    """Something that was asked for cannot be had; the message names the setting."""


def main() -> None:
    """The command `voicemedia-server`."""
    arguments = sys.argv[1:]
    if "--version" in arguments:
        print(distribution_version("voicemedia"))
        return
    try:
        settings = load(arguments, os.environ)
    except ConfigError as failure:
        print(f"{make_parser().prog}: {failure}", file=sys.stderr)
        sys.exit(2)
    is_terminal = sys.stderr.isatty()
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not is_terminal)
    set_up_logs(settings.log_level, as_json=as_json)
    try:
        asyncio.run(Server(settings).run())
    except StartFailed as failure:
        print(f"{make_parser().prog}: {failure}", file=sys.stderr)
        sys.exit(1)


class Server:
    """One process: its rooms, wired, and its end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._version = distribution_version("voicemedia")
        self._stop_signals = 0
        self._leave = asyncio.Event()
        self._leave_now = asyncio.Event()

    async def run(self) -> None:
        """Serves until a signal says to leave, and all is freed. Raises `StartFailed`."""
        settings = self._settings
        async with AsyncExitStack() as stack:
            metrics = Metrics(self._version, "python")
            stack.callback(metrics.watch_collector())
            plane = await self._open_plane(stack)
            peers = WebRtcPeers(plane, self._given_addresses(plane))
            service = self._make_service(peers, plane, metrics)
            stack.push_async_callback(service.close_all, CloseReason.STOPPED)
            metrics.read_from(lambda: _read(service, plane))
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: _loop_error(metrics, context))
            public = await self._public_app(service, plane, metrics, stack)
            urls = await self._listen(public, stack)
            await self._listen_admin(service, stack)
            self._watch_signals(service)
            self._warn_of_exposure(peers)
            gc.collect()
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLDS)
            async with asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(service.watch()),
                    tasks.create_task(_probe_lag(metrics)),
                ]
                if "stun" in settings.advertise:
                    peers.discovery = ReflexiveDiscovery(
                        plane, settings.stun_servers, peers.add_address
                    )
                    background.append(tasks.create_task(peers.discovery.run()))
                self._greet(urls, plane)
                await self._leave.wait()
                await self._drain_out(service)
                for task in background:
                    task.cancel()
        log.info("left")

    # -- building ---------------------------------------------------------------------------

    async def _open_plane(self, stack: AsyncExitStack) -> PythonPlane:
        settings = self._settings
        host, port = split_address(settings.udp)
        if host == "::" and not has_ipv6():
            host = "0.0.0.0"
        plane = PythonPlane(
            PlaneSettings(
                host,
                port,
                ice_tcp=settings.ice_tcp,
                receive_buffer_bytes=settings.receive_buffer_bytes,
                coalesce_s=settings.coalesce_ms / 1000,
                tcp_bind_timeout_s=settings.setup_timeout_s,
            )
        )
        try:
            await plane.open()
        except OSError as failure:
            raise StartFailed(_cannot_listen("udp", settings.udp, failure)) from None
        stack.push_async_callback(plane.close)
        return plane

    def _given_addresses(self, plane: PythonPlane) -> tuple[Advertised, ...]:
        """The addresses that are known at the start, in the order of the setting."""
        settings = self._settings
        found: list[Advertised] = []
        for entry in settings.advertise:
            if entry in ("host", "stun"):
                with_loopback = _is_loopback(split_address(settings.http)[0])
                listen_host = plane.endpoints[0].host
                found += host_addresses(listen_host, with_loopback=with_loopback)
                continue
            try:
                found.append(Advertised(str(ipaddress.ip_address(entry))))
            except ValueError:
                found.append(Advertised(*split_address(entry)))
        return tuple(dict.fromkeys(found))

    def _make_service(
        self, peers: WebRtcPeers, plane: PythonPlane, metrics: Metrics
    ) -> SessionService:
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
            [metrics],
        )

    async def _public_app(
        self, service: SessionService, plane: PythonPlane, metrics: Metrics, stack: AsyncExitStack
    ) -> web.Application:
        settings = self._settings
        app = web.Application(middlewares=[problem_middleware(metrics)])
        add_cors(app, settings.cors_origins)
        ice_servers = self._ice_servers()
        Whip(
            service=service,
            authenticator=await self._authenticator(stack),
            clients=Clients([ipaddress.ip_network(n) for n in settings.trusted_proxies]),
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
            limits=BodyLimits(settings.max_body_bytes, settings.request_timeout_s),
            ice_servers=lambda: ice_servers,
        ).add_to(app)
        Status(service, plane, metrics.render, self._version, time.monotonic_ns()).add_to(app)
        return app

    def _ice_servers(self) -> IceServers:
        settings = self._settings
        servers = IceServers(settings.ice_servers, None, settings.turn_ttl_s)
        if settings.turn_secret_file is None:
            return servers
        return replace(servers, turn_secret=_read_file("turn_secret_file", settings).strip())

    async def _authenticator(self, stack: AsyncExitStack) -> Authenticator:
        settings = self._settings
        if settings.auth_mode == "none":
            return OpenAccess()
        if settings.auth_mode == "token":
            lines = _read_file("auth_tokens_file", settings).splitlines()
            tokens = [line.strip() for line in lines if line.strip() and line[0] != "#"]
            if not tokens:
                raise StartFailed("auth_tokens_file holds no token; write one a line.")
            return StaticTokens(tokens)
        policy = JwtPolicy(settings.jwt_algorithms, settings.jwt_issuer, settings.jwt_audience)
        if settings.jwks_file is not None:
            document = _read_file("jwks_file", settings)

            async def from_file() -> str:
                return document

            return JwtTokens(policy, from_file)
        http = await stack.enter_async_context(ClientSession(timeout=ClientTimeout(total=5)))
        url = settings.jwks_url or ""

        async def from_url() -> str:
            async with http.get(url, raise_for_status=True) as response:
                return await response.text()

        return JwtTokens(policy, from_url)

    # -- listening --------------------------------------------------------------------------

    async def _listen(self, app: web.Application, stack: AsyncExitStack) -> str:
        """Serves the public app; returns its base URL."""
        settings = self._settings
        context = None
        if settings.tls_cert_file is not None and settings.tls_key_file is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            try:
                context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
            except (OSError, ssl.SSLError) as failure:
                message = f"tls_cert_file or tls_key_file cannot be used: {failure}"
                raise StartFailed(message) from None
        host, port = await self._serve(app, "http", settings.http, context, stack)
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if context else 'http'}://{shown}:{port}"

    async def _listen_admin(self, service: SessionService, stack: AsyncExitStack) -> None:
        if not self._settings.admin:
            return
        app = web.Application(middlewares=[problem_middleware(_Uncounted())])
        Admin(service).add_to(app)
        host, port = await self._serve(app, "admin", self._settings.admin, None, stack)
        log.info("admin port open", port=port, loopback=_is_loopback(host))

    async def _serve(
        self,
        app: web.Application,
        setting: str,
        address: str,
        context: ssl.SSLContext | None,
        stack: AsyncExitStack,
    ) -> tuple[str, int]:
        host, port = split_address(address)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, host, port, ssl_context=context, backlog=1024)
        try:
            await site.start()
        except OSError as failure:
            raise StartFailed(_cannot_listen(setting, address, failure)) from None
        real: tuple[str, int] = runner.addresses[0][:2]
        return real

    def _warn_of_exposure(self, peers: WebRtcPeers) -> None:
        settings = self._settings
        is_local = _is_loopback(split_address(settings.http)[0])
        if not is_local and settings.auth_mode == "none":
            log.warning("anyone who reaches the HTTP port may call; set auth_mode")
        if not is_local and settings.tls_cert_file is None and not settings.trusted_proxies:
            log.warning("HTTP is not encrypted; put TLS before it or set tls_cert_file")
        if not is_local and are_all_private(peers.addresses):
            log.warning("only private addresses are advertised; set advertise for the internet")

    def _greet(self, base_url: str, plane: PythonPlane) -> None:
        media = plane.endpoints[0]
        kinds = "UDP and TCP" if len(plane.endpoints) > 1 else "UDP"
        print(
            f"voicemedia {self._version} is ready\n"
            f"  page     {base_url}/\n"
            f"  WHIP     {base_url}/whip\n"
            f"  metrics  {base_url}/metrics\n"
            f"  media    {kinds} port {media.port}",
            flush=True,
        )
        log.info("ready", version=self._version, media_port=media.port)

    # -- leaving ----------------------------------------------------------------------------

    def _watch_signals(self, service: SessionService) -> None:
        loop = asyncio.get_running_loop()
        for stop in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(stop, self._stop, service)
        loop.add_signal_handler(signal.SIGUSR1, service.drain)
        loop.add_signal_handler(signal.SIGUSR2, service.undrain)

    def _stop(self, service: SessionService) -> None:
        self._stop_signals += 1
        service.drain()
        self._leave.set()
        if self._stop_signals > 1:
            self._leave_now.set()
        elif service.sessions:
            log.info("calls go on until they end; stop again to leave at once")

    async def _drain_out(self, service: SessionService) -> None:
        settings = self._settings
        policy = DrainPolicy(settings.drain_limit_s, settings.drain_notice_s)
        drained = asyncio.ensure_future(service.drain_out(policy))
        hurried = asyncio.ensure_future(self._leave_now.wait())
        await asyncio.wait([drained, hurried], return_when=asyncio.FIRST_COMPLETED)
        for task in (drained, hurried):
            task.cancel()
        await asyncio.gather(drained, hurried, return_exceptions=True)
        await service.close_all(CloseReason.STOPPED)


class _Uncounted:
    """The admin port's refusals are no user's and are not counted."""

    def refused(self, reason: object) -> None:
        """Nothing."""


def _read(service: SessionService, plane: PythonPlane) -> Reading:
    live = [session for session in service.sessions if session.close_reason is None]
    return Reading(
        states=[(session.state, session.transport) for session in live],
        stats=[service.stats(session) for session in live],
        drops=dict(plane.drops()),
        max_sessions=service.capacity.max_sessions,
        is_draining=service.is_draining,
    )


async def _probe_lag(metrics: Metrics) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + LAG_PROBE_S
        await asyncio.sleep(LAG_PROBE_S)
        metrics.loop_was_late(max(0.0, loop.time() - due_s))


def _loop_error(metrics: Metrics, context: dict[str, Any]) -> None:
    metrics.loop_error()
    log.error(
        "an exception reached the event loop",
        what=context.get("message"),
        exc_info=context.get("exception"),
    )


def _cannot_listen(setting: str, address: str, failure: OSError) -> str:
    return (
        f"{setting}: cannot listen on {address} ({failure.strerror}); "
        f"choose another with --{setting} HOST:PORT."
    )


def _read_file(name: str, settings: Settings) -> str:
    path = getattr(settings, name)
    try:
        text: str = path.read_text()
    except OSError as failure:
        raise StartFailed(f"{name}: {path} cannot be read ({failure.strerror}).") from None
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    main()
