"""Debian's redis-server for tests: on a port and in a folder of its own, stopped by its pid."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from interop.server_process import until

COMMAND = "redis-server"
START_TIMEOUT_S = 10.0


BUS_OFFSET = 10_000
"""A node of a cluster also listens on a port that is so much higher."""


def free_port() -> int:
    """One that nobody listens on now."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            if port + BUS_OFFSET < 1 << 16:
                return port


class RedisServer:
    """A server that can be frozen, killed and started again on its port."""

    def __init__(self, folder: str, *options: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.options = options
        self.config: str | None = None
        self.process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Returns when it answers."""
        command = shutil.which(COMMAND)
        assert command, f"{COMMAND} is missing: make packages"
        self.process = await asyncio.create_subprocess_exec(
            command,
            *((self.config,) if self.config else ()),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder),
            *(() if self.config else ("--save", "", "--appendonly", "no")),
            *("--daemonize", "no", "--loglevel", "warning"),
            *self.options,
            stdout=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(START_TIMEOUT_S):
            while True:
                if await self._answers():
                    return
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        async with Redis(host="127.0.0.1", port=self.port, socket_timeout=1) as client:
            try:
                return bool(await client.ping())
            except (RedisError, OSError):
                return False

    async def run(self, *words: str) -> object:
        """Has it run one command."""
        async with Redis(host="127.0.0.1", port=self.port, decode_responses=True) as client:
            answer: object = await client.execute_command(*words)  # type: ignore[no-untyped-call]  # by redis-py
            return answer

    def freeze(self) -> None:
        """Its connections stay open, and it says nothing."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on with what was said to it meanwhile."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    async def kill(self) -> None:
        """SIGKILL: what it knew is lost."""
        assert self.process is not None
        if self.process.returncode is None:
            self._send(signal.SIGKILL)
        await self.process.wait()


@asynccontextmanager
async def running_redis(*options: str) -> AsyncIterator[RedisServer]:
    """A server that answers; killed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(folder, *options)
        await server.start()
        try:
            yield server
        finally:
            await server.kill()


SLOTS = 16384
NODE_TIMEOUT_MS = 500
DOWN_AFTER_MS = 500
SERVICE = "calls"
AT_ONCE = ("--repl-diskless-sync-delay", "0")
"""A replica is given what there is without waiting for others."""
FORMED_WITHIN_S = 20.0


class RedisCluster:
    """Primaries that share the slots, and one more node that may stand in for one of them."""

    def __init__(self, primaries: list[RedisServer], spare: RedisServer) -> None:
        self.primaries = primaries
        self.spare = spare

    @property
    def nodes(self) -> list[RedisServer]:
        """All of them."""
        return [*self.primaries, self.spare]

    @property
    def url(self) -> str:
        """It names the primaries; the spare is to be found."""
        addresses = ",".join(f"127.0.0.1:{node.port}" for node in self.primaries)
        return f"redis+cluster://{addresses}"

    async def holder(self, key: str) -> RedisServer:
        """The primary that holds a key."""
        slot = int(str(await self.spare.run("CLUSTER", "KEYSLOT", key)))
        return self.primaries[slot * len(self.primaries) // SLOTS]

    async def form(self) -> None:
        """Shares the slots out and returns when each node knows the whole."""
        count = len(self.primaries)
        for at, node in enumerate(self.primaries):
            # the first slot of each share is the least that `holder` takes for it
            first, end = -(-at * SLOTS // count), -(-(at + 1) * SLOTS // count)
            await node.run("CLUSTER", "ADDSLOTSRANGE", str(first), str(end - 1))
        for node in self.nodes[1:]:
            await node.run("CLUSTER", "MEET", "127.0.0.1", str(self.primaries[0].port))
        for node in self.nodes:
            await until(partial(self._is_whole, node), FORMED_WITHIN_S, "the whole cluster")

    async def _is_whole(self, node: RedisServer) -> bool:
        said = str(await node.run("CLUSTER", "INFO"))
        return "cluster_state:ok" in said and f"cluster_known_nodes:{len(self.nodes)}\r" in said

    async def let_the_spare_follow(self, primary: RedisServer) -> None:
        """From now on the spare is its replica; returns when it has what the primary has."""
        name = str(await primary.run("CLUSTER", "MYID"))
        await self.spare.run("CLUSTER", "REPLICATE", name)
        await until(partial(_has_caught_up, self.spare), FORMED_WITHIN_S, "the replica")


@asynccontextmanager
async def running_cluster(primaries: int = 3) -> AsyncIterator[RedisCluster]:
    """One that is whole; killed at the end."""
    options = (*AT_ONCE, "--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS))
    async with AsyncExitStack() as stack:
        nodes = [
            await stack.enter_async_context(running_redis(*options)) for _ in range(primaries + 1)
        ]
        cluster = RedisCluster(nodes[:-1], nodes[-1])
        await cluster.form()
        yield cluster


class WatchedRedis:
    """A primary, its replica, and Sentinels that make the replica the primary when it is gone."""

    def __init__(
        self, primary: RedisServer, replica: RedisServer, sentinels: list[RedisServer]
    ) -> None:
        self.primary = primary
        self.replica = replica
        self.sentinels = sentinels

    @property
    def url(self) -> str:
        """It names the Sentinels."""
        addresses = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{addresses}/{SERVICE}"


@asynccontextmanager
async def running_watched_redis(sentinels: int = 3) -> AsyncIterator[WatchedRedis]:
    """Returns when the Sentinels know each other and the replica; killed at the end."""
    async with AsyncExitStack() as stack:
        primary = await stack.enter_async_context(running_redis(*AT_ONCE))
        follow = ("--replicaof", "127.0.0.1", str(primary.port))
        replica = await stack.enter_async_context(running_redis(*AT_ONCE, *follow))
        await until(partial(_has_caught_up, replica), FORMED_WITHIN_S, "the replica")
        watching = []
        for _ in range(sentinels):
            sentinel = _a_sentinel(stack.enter_context(tempfile.TemporaryDirectory()), primary)
            stack.push_async_callback(sentinel.kill)
            await sentinel.start()
            watching.append(sentinel)
        for sentinel in watching:
            await until(partial(_knows_all, sentinel, sentinels - 1), FORMED_WITHIN_S)
        yield WatchedRedis(primary, replica, watching)


async def _knows_all(sentinel: RedisServer, others: int) -> bool:
    said = await sentinel.run("SENTINEL", "MASTER", SERVICE)
    assert isinstance(said, dict)
    return (said["num-slaves"], said["num-other-sentinels"]) == ("1", str(others))


async def _has_caught_up(replica: RedisServer) -> bool:
    said = await replica.run("INFO", "replication")
    assert isinstance(said, dict)
    return said.get("master_link_status") == "up"


def _a_sentinel(folder: str, primary: RedisServer) -> RedisServer:
    config = Path(folder) / "sentinel.conf"
    config.write_text(
        f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 2\n"
        f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}\n"
        f"sentinel failover-timeout {SERVICE} 5000\n"
    )
    sentinel = RedisServer(folder, "--sentinel")
    sentinel.config = str(config)
    return sentinel
