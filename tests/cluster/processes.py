"""A process by its id and its birth, so that a number given again is not taken for it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Process:
    """`born_ticks` counts from the machine's start, as `/proc/<pid>/stat` has it (proc(5))."""

    pid: int
    born_ticks: int

    @property
    def is_alive(self) -> bool:
        """It runs, and is no zombie."""
        found = _birth_and_state(self.pid)
        return found is not None and found[0] == self.born_ticks and found[1] not in "ZX"

    def signal(self, number: signal.Signals) -> None:
        """Nothing happens if it is gone."""
        if self.is_alive:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def wait(self, timeout_s: float) -> bool:
        """Whether it was gone within that time."""
        until_s = time.monotonic() + timeout_s
        while self.is_alive:
            if time.monotonic() > until_s:
                return False
            time.sleep(POLL_S)
        return True

    def write(self, path: Path) -> None:
        """Remembers it in a file."""
        path.write_text(f"{self.pid} {self.born_ticks}\n")


def of(pid: int) -> Process | None:
    """The process that has the number now."""
    found = _birth_and_state(pid)
    return None if found is None else Process(pid, found[0])


def read(path: Path) -> Process | None:
    """What a file remembers, whether it is alive or not."""
    try:
        pid, born_ticks = path.read_text().split()
        return Process(int(pid), int(born_ticks))
    except (FileNotFoundError, ValueError):
        return None


def children_of(pid: int) -> list[int]:
    """Of its first thread."""
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []


def innermost_pid(pid: int) -> int | None:
    """Its number in the namespace that it lives in (proc(5), NSpid)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    numbers = [line.split()[-1] for line in status.splitlines() if line.startswith("NSpid:\t")]
    return int(numbers[0]) if numbers else None


def program_of(pid: int) -> Path | None:
    """The file that it runs."""
    try:
        return Path(os.readlink(f"/proc/{pid}/exe"))
    except (FileNotFoundError, ProcessLookupError):
        return None


def _birth_and_state(pid: int) -> tuple[int, str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    after_name = text.rpartition(")")[2].split()
    return int(after_name[19]), after_name[0]
