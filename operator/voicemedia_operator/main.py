"""Builds the operator, waits for its turn, and runs it: the composition root.

Two replicas may run. The one that holds the Lease acts; the other one answers its probes and waits.
Whoever loses the Lease ends its process at once: another one may act already.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack

import kopf
import structlog

from voicemedia_operator.acting import Actor
from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.connecting import ClusterUnknown, access_of, connect
from voicemedia_operator.cluster.errors import ApiFailed
from voicemedia_operator.cluster.keeping_up import WorldKeeper
from voicemedia_operator.cluster.kinds import VOICE_MEDIA_SERVER
from voicemedia_operator.cluster.lease import Leadership, Terms
from voicemedia_operator.cluster.secret_shelf import SecretShelf
from voicemedia_operator.cluster.world import World
from voicemedia_operator.config import Settings, SettingWrong, listen_address, read_settings
from voicemedia_operator.fleet.admin_ports import AdminPorts
from voicemedia_operator.fleet.prometheus import Prometheus
from voicemedia_operator.fleet.redis_flags import RedisFlags
from voicemedia_operator.handlers import (
    GetAccess,
    kopf_identity,
    kopf_settings,
    register,
)
from voicemedia_operator.loop import Loops, Timing, Workshop
from voicemedia_operator.observing import Observer
from voicemedia_operator.reconcile.plan import plan
from voicemedia_operator.telemetry.endpoints import Endpoints
from voicemedia_operator.telemetry.logs import set_up_logs
from voicemedia_operator.telemetry.metrics import Metrics
from voicemedia_operator.telemetry.pulse import Pulse

log = structlog.get_logger("operator")

PROGRAM = "voicemedia-operator"
RETRY_S = 2.0
QUIET_S = 10.0
"""How long loops may take to end what they are at when the operator leaves."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class OperatorEnded(Exception):
    """It cannot go on; the message says why. A new process may."""


def main() -> None:
    """The command `voicemedia-operator`: exit code 2 for a wrong setting, 1 without a cluster or
    when the lease was lost."""
    try:
        settings = read_settings(os.environ, socket.gethostname())
    except SettingWrong as wrong:
        print(f"{PROGRAM}: {wrong}", file=sys.stderr)
        sys.exit(2)
    set_up_logs(settings.log_level)
    try:
        asyncio.run(Operator(settings).run())
    except (ClusterUnknown, OperatorEnded, OSError) as failure:
        print(f"{PROGRAM}: {failure}", file=sys.stderr)
        sys.exit(1)


class Operator:
    """One process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._pulse = Pulse(settings.stuck_s)
        self._endpoints = Endpoints(self._metrics, self._pulse)
        self._leave = asyncio.Event()

    async def run(self) -> None:
        """Until a signal. Raises `ClusterUnknown`, `OperatorEnded` or `OSError`."""
        self._watch_signals()
        settings = self._settings
        async with AsyncExitStack() as stack:
            client = await connect(settings.kubeconfig)
            api = Api(client, self._metrics, settings.api_deadline_s)
            stack.push_async_callback(api.close)
            await stack.enter_async_context(self._endpoints.serving(*listen_address(settings)))
            terms = Terms(settings.namespace, settings.lease, settings.identity)
            leadership = Leadership(api, terms)
            if await self._unless_leaving(self._stand_by(api, leadership)):
                stack.push_async_callback(leadership.release)
                self._metrics.leader.set(1)
                log.info("this operator acts", identity=settings.identity)
                workshop = self._workshop(api, stack)
                await self._act(workshop, leadership, lambda: access_of(client))
        log.info("left")

    def _watch_signals(self) -> None:
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._leave.set)

    async def _unless_leaving(self, doing: Coroutine[None, None, None]) -> bool:
        """Whether it was done before somebody said to leave."""
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(doing)
            leaving = tasks.create_task(self._leave.wait())
            await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
            is_done = work.done()
            work.cancel()
            leaving.cancel()
        return is_done

    async def _stand_by(self, api: Api, leadership: Leadership) -> None:
        """Until it is our turn. Ready means that we could: the API server knows the resource."""
        while True:
            try:
                if await api.serves(VOICE_MEDIA_SERVER):
                    break
                log.warning("the API server does not know VoiceMediaServer: apply crds/ first")
            except ApiFailed as failure:
                log.warning("the API server is not there yet", code=failure.code)
            await asyncio.sleep(RETRY_S)
        self._endpoints.is_ready = True
        await leadership.acquire()

    def _workshop(self, api: Api, stack: AsyncExitStack) -> Workshop:
        settings = self._settings
        world, shelf = World(), SecretShelf(api)
        ports = AdminPorts(self._metrics, settings.pod_deadline_s)
        flags, prometheus = RedisFlags(), Prometheus()
        for close in (ports.close, flags.close, prometheus.close):
            stack.push_async_callback(close)
        observer = Observer(world, shelf, ports, flags, prometheus)
        actor = Actor(api, world, shelf, ports, flags, self._metrics, settings.identity)
        timing = Timing(settings.poll_s, settings.resync_s)
        return Workshop(api, world, observer, actor, plan, timing, self._metrics, self._pulse)

    async def _act(self, workshop: Workshop, leadership: Leadership, access: GetAccess) -> None:
        """All loops, until a signal. Raises `OperatorEnded`."""
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(leadership.keep())
            leaving = tasks.create_task(self._leave.wait())
            working = tasks.create_task(self._work(workshop, access))
            await asyncio.wait({keeping, leaving, working}, return_when=asyncio.FIRST_COMPLETED)
            is_lost, is_broken = keeping.done(), working.done() and not self._leave.is_set()
            if not is_lost and not is_broken:
                workshop.leave()
                await asyncio.wait({working}, timeout=QUIET_S)
            for task in (keeping, leaving, working):
                task.cancel()
        if is_lost:
            raise OperatorEnded("the lease was lost: another operator may act")
        if is_broken:
            raise OperatorEnded("the framework ended by itself")

    async def _work(self, workshop: Workshop, access: GetAccess) -> None:
        """First all is known, then kopf begins: a loop that saw no pods would make new ones."""
        namespaces, bells = self._settings.namespaces, workshop.bells
        keeper = WorldKeeper(workshop.api, workshop.world, namespaces, bells.ring, bells.ring_all)
        ready, stop = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(keeper.run(with_nodes=self._settings.watch_nodes))
            await keeper.is_complete.wait()
            signals = tasks.create_task(self._take_signals_back(ready))
            async with Loops(workshop) as loops:
                framework = tasks.create_task(
                    kopf.operator(
                        registry=register(loops, access),
                        settings=kopf_settings(),
                        identity=kopf_identity(self._settings.identity),
                        standalone=True,
                        clusterwide=not namespaces,
                        namespaces=namespaces,
                        stop_flag=stop,
                        ready_flag=ready,
                    )
                )
                leaving = tasks.create_task(workshop.leaving.wait())
                await asyncio.wait({framework, leaving}, return_when=asyncio.FIRST_COMPLETED)
                workshop.leave()
            stop.set()
            await asyncio.wait({framework})
            for task in (keeping, signals, leaving):
                task.cancel()

    async def _take_signals_back(self, ready: asyncio.Event) -> None:
        """kopf takes them for itself when it begins, and would leave loops in what they are at."""
        await ready.wait()
        self._watch_signals()


if __name__ == "__main__":
    main()
