"""Ten thousand sessions come and go, and nothing of them stays."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import generator
from interop.server_process import ServerProcess, running_server

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

ROUNDS = 10_000
WARM_UP_ROUNDS = 2_000
MAX_GROWTH_KB = 3_000
"""For ten thousand sessions: less than a third of a kilobyte each is the allocator's slack."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the process holds."""

    memory_kb: int
    descriptors: int
    tasks: int


async def footprint(server: ServerProcess) -> Footprint:
    """Read once all sessions are gone."""

    await server.until_sessions(0, 20)
    async with server.http.get(f"{server.base_url}/metrics") as response:
        lines = (await response.text()).splitlines()
    tasks = next(float(line.split()[1]) for line in lines if line.startswith(TASKS_METRIC))
    return Footprint(memory_kb(server.pid), len(os.listdir(f"/proc/{server.pid}/fd")), int(tasks))


def memory_kb(pid: int) -> int:
    """Proportional set size: what this process alone would free."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


TASKS_METRIC = "voicemedia_event_loop_tasks "


@pytest.fixture(scope="module")
def loadgen() -> Path:
    """The native load generator: ICE, DTLS, then DELETE, as fast as the server takes it."""
    generator.build()
    return generator.BINARY


async def open_and_close(server: ServerProcess, loadgen: Path, rounds: int) -> None:
    process = await asyncio.create_subprocess_exec(
        *(str(loadgen), "--url", server.whip_url, "--setups-only", "--json"),
        *("--sessions", str(rounds), "--rate", "0", "--concurrency", "16"),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    set_ups = json.loads(out)["set_ups"]
    assert set_ups["connected"] == set_ups["ended"] == rounds


async def test_ten_thousand_sessions_leave_memory_tasks_and_descriptors_flat(
    loadgen: Path,
) -> None:
    unlimited = [f"--{method}-rate-per-s=0" for method in ("post", "delete")]
    async with running_server(*unlimited) as server:
        await open_and_close(server, loadgen, WARM_UP_ROUNDS)
        before = await footprint(server)
        await open_and_close(server, loadgen, ROUNDS)
        after = await footprint(server)

    print(before, after)
    assert after.memory_kb - before.memory_kb < MAX_GROWTH_KB
    assert after.descriptors <= before.descriptors + 2
    assert after.tasks <= before.tasks + 2
