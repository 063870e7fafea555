"""Readings of a living server from /proc, and the differences between two of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.ladder import ServerUse
from bench.procfs import Memory, core_idle_ticks, memory, process_ticks, waited_ns

NS_PER_S = 1_000_000_000
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class ServerGone(Exception):
    """There is no such process, or no longer."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One moment."""

    at_s: float
    cpu_s: float
    core_idle_s: float
    waited_s: float  # of all threads that live at this moment


def read_usage(pid: int, core: int) -> Reading:
    """What the process has used and its core has idled until now. Raises `ServerGone`."""
    with _living(pid) as process:
        return Reading(
            at_s=time.monotonic(),
            cpu_s=process_ticks((process / "stat").read_text()) / TICKS_PER_S,
            core_idle_s=core_idle_ticks(Path("/proc/stat").read_text(), core) / TICKS_PER_S,
            waited_s=sum(map(_thread_waited_s, (process / "task").iterdir())),
        )


def read_memory(pid: int) -> Memory:
    """What the process holds. It stops the process for some milliseconds: not while measuring.

    Raises `ServerGone`.
    """
    with _living(pid) as process:
        return memory((process / "smaps_rollup").read_text())


@contextmanager
def _living(pid: int) -> Iterator[Path]:
    """Its folder in /proc, which disappears with it."""
    try:
        yield Path(f"/proc/{pid}")
    except (FileNotFoundError, ProcessLookupError) as failure:
        raise ServerGone(f"process {pid} has ended") from failure


def use_between(before: Reading, after: Reading, pss_before_kb: int, pss_kb: int) -> ServerUse:
    """What the server used between two readings.

    Others disturbed it as long as they ran on its core and it waited: threads of its own that
    wait for each other are no disturbance, nor are others that run while it has nothing to do.
    """
    wall_s = after.at_s - before.at_s
    cpu_s = after.cpu_s - before.cpu_s
    idle_s = after.core_idle_s - before.core_idle_s
    others_cpu_s = max(0.0, wall_s - idle_s - cpu_s)
    waited_s = max(0.0, after.waited_s - before.waited_s)
    return ServerUse(wall_s, cpu_s, min(others_cpu_s, waited_s), pss_before_kb, pss_kb)


def _thread_waited_s(thread: Path) -> float:
    try:
        return waited_ns((thread / "schedstat").read_text()) / NS_PER_S
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # it ended between being listed and being read
