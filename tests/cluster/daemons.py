"""A long-running program inside the enclosure, by its command, its log and its process."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

from cluster import processes
from cluster.enclosure import Enclosure
from cluster.place import Place
from cluster.processes import Process

STOP_TIMEOUT_S = 20.0
LAST_BYTES = 4000


class DaemonFailed(Exception):
    """It did not start, or ended by itself; the message has the end of its log."""


START = 'log=$1; shift; setsid "$@" >>"$log" 2>&1 </dev/null & echo $!'
"""The daemon becomes a child of the enclosure's first process, which reaps it: whoever starts it
need not stay."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """One of the cluster's programs. `command` begins with the program's file."""

    name: str
    command: list[str]
    place: Place
    enclosure: Enclosure

    def start(self) -> None:
        """Returns when the program runs, not when it is ready. Raises `DaemonFailed`."""
        told = self.enclosure.run("sh", "-c", START, "sh", self.log, *self.command)
        process = self.enclosure.child(int(told))
        if process is None:
            raise DaemonFailed(f"{self.name} did not start:\n{self.end_of_log()}")
        process.write(self._pid_file)

    @property
    def process(self) -> Process | None:
        """The last one that was started, alive or not."""
        return processes.read(self._pid_file)

    @property
    def is_alive(self) -> bool:
        """The program runs."""
        process = self.process
        return process is not None and process.is_alive

    @property
    def log(self) -> Path:
        """All that it said."""
        return self.place.log_of(self.name)

    def end_of_log(self) -> str:
        """What it said last."""
        return self.log.read_bytes()[-LAST_BYTES:].decode(errors="replace")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Returns when it is gone. Raises `DaemonFailed`."""
        process = self.process
        if process is None:
            return
        process.signal(number)
        if not process.wait(STOP_TIMEOUT_S):
            raise DaemonFailed(f"{self.name} does not end:\n{self.end_of_log()}")

    def require_alive(self) -> None:
        """Raises `DaemonFailed` with the end of its log."""
        if not self.is_alive:
            raise DaemonFailed(f"{self.name} ended by itself:\n{self.end_of_log()}")

    @property
    def _pid_file(self) -> Path:
        return self.place.run / f"{self.name}.pid"
