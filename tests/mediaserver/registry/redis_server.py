"""Debian's redis-server for tests: on a port and in a folder of its own, stopped by its pid."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

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
