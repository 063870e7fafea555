"""A program of the cluster: its process, its log, its end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster import enclosure
from cluster.daemons import Daemon, DaemonFailed
from cluster.enclosure import Enclosure
from cluster.place import Place

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

GOES_ON = "echo ready; exec sleep 600"


@dataclass(frozen=True)
class Starter:
    """Daemons in an enclosure of their own."""

    place: Place
    enclosure: Enclosure

    def shell(self, script: str) -> Daemon:
        daemon = Daemon("daemon", ["sh", "-c", script], self.place, self.enclosure)
        daemon.start()
        return daemon


@pytest.fixture
def starter(tmp_path: Path, pause: Path) -> Iterator[Starter]:
    place = Place(tmp_path)
    (place.run / "log").mkdir(parents=True)
    made = Starter(place, enclosure.start(place, pause, is_tied=True))
    yield made
    enclosure.end(made.enclosure)


def start_to_the_end(daemon: Daemon) -> None:
    """Starts what ends by itself, which may be noticed at once or later."""
    daemon.start()
    assert daemon.process is not None
    assert daemon.process.wait(10)
    daemon.require_alive()


def test_it_runs_until_it_is_stopped(starter: Starter) -> None:
    daemon = starter.shell(GOES_ON)
    daemon.require_alive()

    daemon.stop()

    assert not daemon.is_alive


def test_it_can_be_killed_and_started_again(starter: Starter) -> None:
    daemon = starter.shell(GOES_ON)
    first = daemon.process

    daemon.stop(signal.SIGKILL)
    daemon.start()

    assert daemon.is_alive
    assert daemon.process != first


def test_one_that_ends_by_itself_is_quoted(starter: Starter) -> None:
    full = starter.place.run / "full"
    daemon = starter.shell(f"until [ -e {full} ]; do sleep 0.01; done; echo no space >&2; exit 1")
    full.touch()
    assert daemon.process is not None
    assert daemon.process.wait(10)

    with pytest.raises(DaemonFailed, match="no space"):
        daemon.require_alive()


def test_a_program_that_is_not_there_is_said(starter: Starter) -> None:
    daemon = Daemon("daemon", ["/no/such/program"], starter.place, starter.enclosure)

    with pytest.raises(DaemonFailed, match="No such file"):
        start_to_the_end(daemon)


def test_it_is_known_to_who_did_not_start_it(starter: Starter) -> None:
    daemon = starter.shell(GOES_ON)

    other = Daemon("daemon", daemon.command, starter.place, starter.enclosure)

    assert other.process == daemon.process
    other.stop()
    assert not daemon.is_alive
