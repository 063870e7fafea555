"""Our server as a user starts it: a process of its own, on ports that the kernel chooses."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 20.0
FORBIDDEN_IN_LOGS = re.compile(
    r"\b\d{1,3}(\.\d{1,3}){3}\b|[0-9a-f]{0,4}::[0-9a-f]|\ba=|\bv=0|ice-pwd|Bearer |Traceback"
)
COMMAND = Path(sys.executable).with_name("voicemedia-server")


class ServerProcess:
    """A running server. `lines` are its log lines so far, parsed."""

    def __init__(self, process: asyncio.subprocess.Process, http: aiohttp.ClientSession) -> None:
        self.process = process
        self.http = http
        self.base_url = ""
        self.admin_url = ""
        self.media_port = 0
        self.lines: list[dict[str, Any]] = []
        self.raw_lines: list[str] = []
        self._ready = asyncio.Event()

    @property
    def pid(self) -> int:
        """Of the server itself."""
        return self.process.pid

    @property
    def whip_url(self) -> str:
        """Where WHIP clients go."""
        return f"{self.base_url}/whip"

    async def read_greeting(self) -> None:
        """What it prints for people, until the end of its output."""
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            name, _, value = raw.decode().strip().partition(" ")
            if name == "WHIP":
                self.base_url = value.strip().removesuffix("/whip")
            if name == "admin":
                self.admin_url = value.split()[0]

    async def read_log(self) -> None:
        """Its log, until the end of its output."""
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            line = raw.decode().rstrip()
            self.raw_lines.append(line)
            if not line.startswith("{"):
                continue
            entry = json.loads(line)
            self.lines.append(entry)
            if entry["event"] == "ready":
                self.media_port = entry["media_port"]
                self._ready.set()

    async def wait_until_ready(self) -> None:
        """Until all listeners accept. Raises `AssertionError` with what it said instead."""
        waiting = asyncio.ensure_future(self._ready.wait())
        ended = asyncio.ensure_future(self.process.wait())
        try:
            await asyncio.wait(
                [waiting, ended], timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
            )
            assert self._ready.is_set(), "the server did not start:\n" + "\n".join(self.raw_lines)
        finally:
            waiting.cancel()
            ended.cancel()

    async def stats(self) -> dict[str, Any]:
        """`GET /stats`."""
        async with self.http.get(f"{self.base_url}/stats") as response:
            document: dict[str, Any] = await response.json()
            return document

    async def session_count(self) -> int:
        """How many sessions live."""
        count: int = (await self.stats())["sessions"]["total"]
        return count

    async def until_sessions(self, count: int, timeout_s: float = 10.0) -> None:
        """Waits until so many live."""

        async def are_left() -> bool:
            return await self.session_count() == count

        await until(are_left, timeout_s, f"{count} sessions")

    async def order(self, command: str) -> None:
        """What its local admin port takes: `drain` or `undrain`."""
        async with self.http.post(f"{self.admin_url}/{command}") as done:
            assert done.status == 200

    async def labels(self) -> list[str]:
        """What the admin port calls the sessions that live."""
        async with self.http.get(f"{self.admin_url}/sessions") as listed:
            return [session["session"] for session in await listed.json()]

    async def end_session(self, label: str) -> None:
        """Ends it, by the admin port."""
        async with self.http.delete(f"{self.admin_url}/sessions/{label}") as ended:
            assert ended.status == 200

    async def status_of(self, path: str) -> int:
        """The status of a GET."""
        async with self.http.get(self.base_url + path) as response:
            return response.status

    async def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            self.process.kill()
            raise


@asynccontextmanager
async def running_server(
    *options: str,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = (str(COMMAND),),
) -> AsyncIterator[ServerProcess]:
    """A ready server; stopped by SIGTERM at the end, when it must leave with exit code 0.

    `env` is added to the environment of this process.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        *("--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json"),
        *(() if "--udp" in options else ("--udp", "[::]:0")),
        *("--drain-limit-s", "1", "--drain-notice-s", "0.5"),
        *options,
        env={**os.environ, **(env or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with aiohttp.ClientSession() as http:
        server = ServerProcess(process, http)
        async with asyncio.TaskGroup() as readers:
            readers.create_task(server.read_greeting())
            readers.create_task(server.read_log())
            try:
                await server.wait_until_ready()
                yield server
            finally:
                code = await server.stop()
        assert code == 0, f"the server left with {code}:\n" + "\n".join(server.raw_lines[-30:])
        told = [line for line in server.raw_lines if FORBIDDEN_IN_LOGS.search(line)]
        assert not told, f"the log tells an address, SDP or a token: {told[:3]}"


async def until(condition: Any, timeout_s: float = 10.0, what: str = "the condition") -> Any:
    """Polls an async condition until it is true; returns what it gave."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = await condition()
            if found:
                return found
            await asyncio.sleep(0.02)
