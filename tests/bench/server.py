"""The server under load: started fresh on a core of its own, or one that already runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import TextIO

from bench.generator import on_core

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
TOLD = re.compile(r"(http://\S+/whip)\b(?: pid (\d+))?")
OURS = (
    str(Path(sys.executable).with_name("voicemedia-server")),
    *("--http", "127.0.0.1:0", "--admin", "", "--udp", "127.0.0.1:0"),
    *("--max-sessions", "1000000"),
    *("--post-rate-per-s", "0", "--delete-rate-per-s", "0"),
)


Told = tuple[str, str | None]
"""A WHIP URL, and the digits of a process id."""


class ServerFailed(Exception):
    """It did not start; the message is for people."""


@dataclass(frozen=True, slots=True)
class Server:
    """One that answers at `url` and can be watched in /proc."""

    url: str
    pid: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: a command that prints the URL of its WHIP endpoint, and after it `pid N`
    where another process than its own carries the media."""

    label: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def fresh(subject: Subject, core: int, is_realtime: bool, log: Path) -> Iterator[Server]:
    """Starts the subject, and ends it by its process id. What it says on stderr goes to `log`."""
    told: Queue[Told | None] = Queue()
    with (
        log.open("a") as errors,
        subprocess.Popen(
            [*on_core(core, is_realtime), *subject.command],
            env={**os.environ, **subject.environment},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        reader = threading.Thread(target=_read, args=(process.stdout, told))
        reader.start()
        try:
            url, pid = _first(told, log)
            yield Server(url, int(pid or process.pid))
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
            reader.join()


def _read(output: TextIO, told: Queue[Told | None]) -> None:
    """To the end, so that the pipe never fills up; then `None`."""
    for line in output:
        if found := TOLD.search(line):
            told.put((found[1], found[2]))
    told.put(None)


def _first(told: Queue[Told | None], log: Path) -> Told:
    try:
        first = told.get(timeout=START_TIMEOUT_S)
    except Empty as failure:
        raise ServerFailed(f"no WHIP URL in {START_TIMEOUT_S:.0f} s; see {log}") from failure
    if first is None:
        raise ServerFailed(f"it ended before it told a WHIP URL; see {log}")
    return first
