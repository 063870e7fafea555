"""Builds and runs the callers (tests/chaos/callers): hundreds of light calls of both transports."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interop.server_process import ServerProcess, until

SOURCE = Path(__file__).parent / "callers"
BINARY = Path(__file__).parents[1] / "output" / "callers"
READY_WITHIN_S = 60.0
ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class CallReport:
    """What one call said and heard since it began. `foreign` are packets that came back as nobody
    sent them, or twice; `longest_gap_ms` is the longest silence since the last report,
    `longest_pause_ms` the longest time between two packets that it sent itself: 20, unless the
    callers had to wait for a core."""

    transport: str
    sent: int
    heard: int
    foreign: int
    longest_gap_ms: int
    longest_pause_ms: int
    failure: str


@dataclass(frozen=True, slots=True)
class Silence:
    """The longest of any call, and the part that waiting for a core may explain: the longest pause
    of the callers themselves, and all that the server's thread has waited meanwhile. Milliseconds.
    """

    longest_ms: int
    machine_ms: int

    def within(self, limit_ms: int) -> bool:
        """What the machine does not explain is less."""
        return self.longest_ms < limit_ms + self.machine_ms


class Callers:
    """Calls that go on."""

    def __init__(self, process: asyncio.subprocess.Process, server: ServerProcess) -> None:
        self._process = process
        self._server = server
        self._gaps_ms = [0]
        self._pauses_ms = [0]
        self._waited_ms = 0

    def begin_silence(self) -> None:
        """From now on the longest silence counts."""
        self._gaps_ms, self._pauses_ms = [0], [0]
        self._waited_ms = waited_ms(self._server.pid)

    def silence(self) -> Silence:
        """As heard since `begin_silence`."""
        waited = waited_ms(self._server.pid) - self._waited_ms
        return Silence(max(self._gaps_ms), max(self._pauses_ms) + waited)

    async def wait_until_ready(self) -> None:
        """Until all calls are up. Raises `AssertionError` where one cannot be opened."""
        assert await self._line(READY_WITHIN_S) == "ready"

    async def reports(self) -> list[CallReport]:
        """Of each call, always in the same order."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()
        found = [CallReport(**report) for report in await self._line(ANSWER_WITHIN_S)]
        self._gaps_ms.append(max(report.longest_gap_ms for report in found))
        self._pauses_ms.append(max(report.longest_pause_ms for report in found))
        return found

    async def hear_on(self, packets: int = 50) -> None:
        """Until each call has heard so many packets more: 50 are a second. Fails when one does."""
        before = await self.reports()

        async def went_on() -> bool:
            now = await self.reports()
            assert not [report.failure for report in now if report.failure]
            return all(
                report.heard >= earlier.heard + packets
                for report, earlier in zip(now, before, strict=True)
            )

        await until(went_on, what="every call to be heard")

    async def _line(self, within_s: float) -> Any:
        assert self._process.stdout is not None
        async with asyncio.timeout(within_s):
            raw = await self._process.stdout.readline()
        assert raw, "the callers have gone; their own words are above"
        return json.loads(raw)


def waited_ms(pid: int) -> int:
    """How long a process' main thread could have run and had no core (proc(5), schedstat)."""
    _, waited_ns, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(waited_ns) // 1_000_000


def build() -> Path:
    """Compiles the callers; their modules' versions are locked in go.sum."""
    BINARY.parent.mkdir(exist_ok=True)
    command = ["go", "build", "-mod=readonly", "-o", str(BINARY), "."]
    built = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return BINARY


@asynccontextmanager
async def live_calls(server: ServerProcess, webrtc: int, phones: int) -> AsyncIterator[Callers]:
    """So many calls to a server, up and heard from; they hang up at the end."""
    websocket_url = server.base_url.replace("http", "ws", 1) + "/v2/ws"
    process = await asyncio.create_subprocess_exec(
        str(BINARY),
        *("-whip", server.whip_url, "-webrtc", str(webrtc)),
        *("-websocket", websocket_url, "-phones", str(phones)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    try:
        callers = Callers(process, server)
        await callers.wait_until_ready()
        yield callers
        assert process.stdin is not None
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), ANSWER_WITHIN_S) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
