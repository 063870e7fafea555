"""A workshop for loops of tests: all is real but the API server and, mostly, the plan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fakeredis import FakeAsyncRedis, FakeServer

from voicemedia_operator.acting import Actor
from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.secret_shelf import SecretShelf
from voicemedia_operator.cluster.world import World
from voicemedia_operator.fleet.admin_ports import AdminPorts
from voicemedia_operator.fleet.prometheus import Prometheus
from voicemedia_operator.fleet.redis_flags import RedisFlags
from voicemedia_operator.fleet.redis_url import Connection
from voicemedia_operator.loop import Planner, Timing, Workshop
from voicemedia_operator.observing import Observer
from voicemedia_operator.telemetry.metrics import Metrics
from voicemedia_operator.telemetry.pulse import Pulse

TIMING = Timing(poll_s=0.05, resync_s=0.3)


class Redises:
    """A Redis in memory for each URL."""

    def __init__(self) -> None:
        self.servers: dict[str, FakeServer] = {}

    def connect(self, url: str) -> Connection:
        server = self.servers.setdefault(url, FakeServer())
        return Connection(FakeAsyncRedis(server=server, decode_responses=True))


@asynccontextmanager
async def workshop_for(
    api: Api, planner: Planner, admin_port: int = 1, timing: Timing = TIMING
) -> AsyncIterator[Workshop]:
    """`admin_port`: where the pods of the test answer."""
    metrics, world, shelf = Metrics(), World(), SecretShelf(api)
    ports, flags, prometheus = AdminPorts(metrics), RedisFlags(Redises().connect), Prometheus()
    observer = Observer(world, shelf, ports, flags, prometheus, admin_port)
    actor = Actor(api, world, shelf, ports, flags, metrics, "test")
    try:
        yield Workshop(api, world, observer, actor, planner, timing, metrics, Pulse(60.0))
    finally:
        for close in (ports.close, flags.close, prometheus.close):
            await close()
