"""The operator as a process, against an API server of a test."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

STOP_TIMEOUT_S = 30.0
READY_TIMEOUT_S = 30.0
POLL_S = 0.05
NOTHING: Mapping[str, str] = {}


def kubeconfig_for(url: str, path: Path) -> Path:
    """Without credentials."""
    named = {"name": "test"}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{**named, "cluster": {"server": url}}],
        "users": [{**named, "user": {}}],
        "contexts": [{**named, "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    path.write_text(json.dumps(document))
    return path


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class OperatorProcess:
    """`log` has what it said so far."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self._log = log

    @property
    def log(self) -> list[str]:
        return self._log.read_text().splitlines()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """It may be gone already."""
        if self.process.returncode is None:
            self.process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code."""
        return await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT_S)

    async def status(self, path: str) -> int | None:
        """Of an answer, if there is one."""
        try:
            async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
                return answer.status
        except aiohttp.ClientError:
            return None

    async def text(self, path: str) -> str:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            return await answer.text()

    async def until(self, condition: Callable[[], Awaitable[object]]) -> None:
        """What is waited for is in another process. Raises `TimeoutError` with its log."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                while not await condition():
                    assert self.process.returncode is None, self.log
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise TimeoutError("\n".join(self.log)) from None

    async def until_ready(self) -> None:
        """It acts, or stands by."""

        async def is_ready() -> bool:
            return await self.status("/readyz") == 200

        await self.until(is_ready)


@asynccontextmanager
async def running_operator(
    kubeconfig: Path,
    folder: Path,
    name: str = "operator-1",
    variables: Mapping[str, str] = NOTHING,
    **settings: str,
) -> AsyncIterator[OperatorProcess]:
    """`settings` are variables without their prefix. It is killed at the end if it still runs."""
    port = free_port()
    environment = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "POD_NAME": name,
        "POD_NAMESPACE": "default",
        "VOICEMEDIA_OPERATOR_HTTP": f"127.0.0.1:{port}",
        **{f"VOICEMEDIA_OPERATOR_{key}": value for key, value in settings.items()},
        **variables,
    }
    log = folder / f"{name}.log"
    with log.open("ab") as written:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "voicemedia_operator.main"),
            env=environment,
            stdout=written,
            stderr=written,
        )
    operator = OperatorProcess(process, port, log)
    try:
        yield operator
    finally:
        operator.kill()
        await operator.ended()
