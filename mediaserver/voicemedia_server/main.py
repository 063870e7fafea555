"""Has everything built, runs it, drains it and stops it: the composition root.

With `building` the only module that knows all rooms. Signals: SIGTERM and SIGINT drain and
leave (a second one leaves at once), SIGUSR1 drains, SIGUSR2 takes it back.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.metadata import version as distribution_version
from typing import Any

import structlog
from aiohttp import web

from voicemedia_rollout.figures import Report
from voicemedia_server.building import Builder, StartFailed
from voicemedia_server.config.credentials import fleet_secret, tls_context
from voicemedia_server.config.pages import render_effective
from voicemedia_server.config.sources import PROGRAM, ConfigError, Configuration, load
from voicemedia_server.config.values import ListenAddress, join_port
from voicemedia_server.draining import Draining
from voicemedia_server.edge.cors import add_cors
from voicemedia_server.edge.problems import problem_middleware
from voicemedia_server.edge.sealing import Sealer
from voicemedia_server.flags.evaluation import Flags
from voicemedia_server.flags.following import Following
from voicemedia_server.guard.outcomes import Outcomes
from voicemedia_server.packets.python_plane import PythonPlane
from voicemedia_server.registry_port import InstanceState
from voicemedia_server.service import DrainPolicy, SessionService
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.status.instance import Steering
from voicemedia_server.status.page import load_page
from voicemedia_server.status.routes import Status
from voicemedia_server.telemetry.logs import set_up_logs
from voicemedia_server.telemetry.metrics import Metrics
from voicemedia_server.webrtc.advertising import is_out_of_reach, known_addresses
from voicemedia_server.webrtc.peers import WebRtcPeers
from voicemedia_server.webrtc.reflexive import ReflexiveDiscovery
from voicemedia_server.welcome import exposures, greeting, tell

log = structlog.get_logger("server")

LAG_PROBE_S = 0.5
HTTP_FAREWELL_S = 2.0
"""How long requests under way may take when the listeners close."""
GC_THRESHOLDS = (50_000, 20, 100)
"""Closed sessions leave no circles, so full collections may be rare: their pauses are heard."""
RESTART_S = 5.0
"""Before background work that broke starts again."""
PORT_ATTEMPTS = 8
"""A UDP port that the kernel chose may be taken as TCP port: then it chooses again."""


def main() -> None:
    """The command `voicemedia-server`: exit code 2 for a wrong setting, 1 when it cannot start."""
    try:
        configuration = load(sys.argv[1:], os.environ)
        if configuration.is_print_only:
            print(render_effective(configuration), end="")
            return
        set_up_logs(configuration.settings.log_format, configuration.settings.log_level)
        asyncio.run(Server(configuration).run())
    except ConfigError as failure:
        print(f"{PROGRAM}: {failure}", file=sys.stderr)
        sys.exit(2)
    except StartFailed as failure:
        print(f"{PROGRAM}: {failure}", file=sys.stderr)
        sys.exit(1)


class Server:
    """One process: its rooms, wired, and its end."""

    def __init__(self, configuration: Configuration, builder: type[Builder] = Builder) -> None:
        self._configuration = configuration
        self._builder = builder
        self._settings = configuration.settings
        self._version = distribution_version("voicemedia")
        self._draining: Draining | None = None
        self._starts_draining = False
        self._leave = asyncio.Event()
        self._leave_now = asyncio.Event()

    async def run(self) -> None:
        """Serves until a signal says to leave, and all is freed.

        Raises `ConfigError` and `StartFailed`.
        """
        self._watch_signals()
        async with AsyncExitStack() as stack:
            metrics = Metrics(self._version, "python")
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: _loop_failed(metrics, context))
            stack.callback(metrics.watch_collector())
            public = web.Application(middlewares=[problem_middleware(metrics)])
            build = self._builder(self._configuration, metrics, stack)
            authenticator = await build.authenticator()
            sealer = Sealer(fleet_secret(self._configuration))
            context = tls_context(self._configuration)
            plane = build.plane()
            peers = build.peers(plane)
            await self._open(plane, stack)
            for address in known_addresses(self._settings, plane.endpoints[0].host):
                peers.add_address(address)
            transcoders = build.transcoders(plane)
            registry = build.registry()
            outcomes = Outcomes()
            service = build.service(peers, plane, transcoders, registry, outcomes)
            stack.push_async_callback(service.close_all, CloseReason.STOPPED)
            metrics.read_from(service, plane, transcoders)
            add_cors(public, self._settings.cors_origins)
            whip = build.whip(service, authenticator, sealer, await build.forwarder())
            whip.add_to(public)
            build.websocket(whip, plane, sealer).add_to(public)
            stores, flags = build.flag_stores(), Flags()
            following = Following(stores, flags, metrics)
            guard = build.guard(stores, registry)
            build.decisions(whip, flags, registry).add_to(public)
            page = load_page(connect_sources=self._settings.page_connect_sources)
            started_ns = time.monotonic_ns()
            Status(service, plane, metrics.render, self._version, started_ns, page).add_to(public)
            await following.begin()
            base_url = await self._listen_public(public, context, stack)

            def describe() -> InstanceState:
                return self._instance_state(service, base_url, outcomes.report(flags.rollout))

            draining = Draining(service)
            stack.push_async_callback(draining.close)
            steering = Steering(
                service,
                registry,
                draining,
                self._settings.drain_notice_s,
                describe,
                following.offer,
                lambda: flags.revision,
            )
            admin_url = None
            if self._settings.admin is not None:
                app = build.admin(service, registry, steering)
                host, port = await self._listen(app, "admin", None, stack)
                admin_url = f"http://{join_port(host, port)}"
            self._draining = draining
            if self._starts_draining:
                draining.begin()
            for warning in exposures(self._settings):
                log.warning(warning)
            gc.collect()
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLDS)
            async with asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(keep_up(work, metrics))
                    for work in (
                        service.watch,
                        lambda: registry.keep(describe, service.end_labelled),
                        lambda: _probe_lag(metrics),
                        following.follow,
                        lambda: self._learn_addresses(peers, plane),
                        *((guard.run,) if guard else ()),
                    )
                ]
                metrics.is_ready = True
                tell(greeting(self._version, base_url, admin_url, plane.endpoints))
                log.info("ready", version=self._version, media_port=plane.endpoints[0].port)
                await self._leave.wait()
                draining.leave()
                await self._drain_out(service)
                for task in background:
                    task.cancel()
        log.info("left")

    # -- rooms that have a life of their own -------------------------------------------------

    async def _open(self, plane: PythonPlane, stack: AsyncExitStack) -> None:
        address = self._settings.udp
        attempts = PORT_ATTEMPTS if address.port == 0 else 1
        while True:
            attempts -= 1
            try:
                await plane.open()
            except OSError as failure:
                if attempts == 0 or failure.errno != errno.EADDRINUSE:
                    raise _cannot_listen("udp", address, failure) from None
            else:
                stack.push_async_callback(plane.close)
                return

    async def _learn_addresses(self, peers: WebRtcPeers, plane: PythonPlane) -> None:
        settings = self._settings
        if "stun" in settings.advertise:
            peers.discovery = ReflexiveDiscovery(plane, settings.stun_servers, peers.add_address)
            await peers.discovery.run()
        if is_out_of_reach(settings, peers.addresses):
            log.warning("only private addresses are advertised; set advertise for the internet")

    def _instance_state(
        self, service: SessionService, base_url: str, report: Report | None
    ) -> InstanceState:
        public_url = self._settings.public_url
        return InstanceState(
            public_url or base_url,
            self._version,
            service.capacity.max_sessions,
            len(service.sessions),
            service.is_draining,
            report,
            public_url is not None,
        )

    # -- listening --------------------------------------------------------------------------

    async def _listen_public(
        self, app: web.Application, context: ssl.SSLContext | None, stack: AsyncExitStack
    ) -> str:
        """Serves the public app; returns its base URL."""
        host, port = await self._listen(app, "http", context, stack)
        if self._settings.http.is_unspecified:
            host = "localhost"
        return f"{'https' if context else 'http'}://{join_port(host, port)}"

    async def _listen(
        self,
        app: web.Application,
        setting: str,
        context: ssl.SSLContext | None,
        stack: AsyncExitStack,
    ) -> tuple[str, int]:
        address: ListenAddress = getattr(self._settings, setting)
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=HTTP_FAREWELL_S
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, address.host, address.port, ssl_context=context, backlog=1024)
        try:
            await site.start()
        except OSError as failure:
            raise _cannot_listen(setting, address, failure) from None
        host, port = runner.addresses[0][:2]
        return host, port

    # -- leaving ----------------------------------------------------------------------------

    def _watch_signals(self) -> None:
        """From the very start, so that none of them kills a process that is still starting."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGUSR1, self._set_draining, True)
        loop.add_signal_handler(signal.SIGUSR2, self._set_draining, False)

    def _set_draining(self, is_draining: bool) -> None:
        if self._draining is None:
            self._starts_draining = is_draining
        elif is_draining:
            self._draining.begin()
        elif not self._leave.is_set():
            self._draining.take_back()

    def _stop(self) -> None:
        if self._leave.is_set():
            self._leave_now.set()
        self._leave.set()

    async def _drain_out(self, service: SessionService) -> None:
        """Lets live sessions go on until they end, the limit, or a second signal."""
        settings = self._settings
        policy = DrainPolicy(settings.drain_limit_s, settings.drain_notice_s)
        service.drain()
        live = len(service.sessions)
        if live:
            tell(
                f"draining: {live} session(s) may go on for {policy.limit_s:g} s; "
                "Ctrl-C again ends them now"
            )
        async with asyncio.TaskGroup() as tasks:
            drained = tasks.create_task(service.drain_out(policy))
            hurried = tasks.create_task(self._leave_now.wait())
            await asyncio.wait([drained, hurried], return_when=asyncio.FIRST_COMPLETED)
            drained.cancel()
            hurried.cancel()
        await service.close_all(CloseReason.STOPPED)


async def keep_up(work: Callable[[], Awaitable[None]], metrics: Metrics) -> None:
    """Does background work to its end, from its beginning again whenever a fault of ours breaks
    it: no call is lost for it, and each fault is counted and logged."""
    while True:
        try:
            return await work()
        except Exception:  # the task's root
            metrics.loop_error()
            log.exception("background work broke and starts again", after_s=RESTART_S)
        await asyncio.sleep(RESTART_S)


async def _probe_lag(metrics: Metrics) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + LAG_PROBE_S
        await asyncio.sleep(LAG_PROBE_S)
        metrics.loop_was_late(max(0.0, loop.time() - due_s))


def _loop_failed(metrics: Metrics, context: dict[str, Any]) -> None:
    metrics.loop_error()
    log.error(
        "an exception reached the event loop",
        what=context.get("message"),
        exc_info=context.get("exception"),
    )


def _cannot_listen(setting: str, address: ListenAddress, failure: OSError) -> StartFailed:
    why = {
        errno.EADDRINUSE: "is already in use",
        errno.EACCES: "is not allowed to this user (ports below 1024 need root)",
        errno.EADDRNOTAVAIL: "is no address of this machine",
    }.get(failure.errno or 0, f"cannot be listened on ({os.strerror(failure.errno or 0)})")
    also = ", or --ice-tcp false where only the TCP port is taken" if setting == "udp" else ""
    return StartFailed(
        f"{setting}: {address} {why}; choose another with --{setting} HOST:PORT{also}"
    )


if __name__ == "__main__":
    main()
