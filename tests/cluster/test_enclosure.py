"""What runs in the enclosure ends with it, and it ends with who started it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster import enclosure, processes
from cluster.commands import run
from cluster.enclosure import Enclosure
from cluster.place import ROOT, Place

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path)
    (found.run / "log").mkdir(parents=True)
    return found


@contextmanager
def started(place: Place, pause: Path) -> Iterator[Enclosure]:
    inside = enclosure.start(place, pause, is_tied=True)
    try:
        yield inside
    finally:
        enclosure.end(inside)


def test_inside_are_other_processes_mounts_and_networks(place: Place, pause: Path) -> None:
    with started(place, pause) as inside:
        inside.run("mount", "-t", "tmpfs", "tmpfs", place.run / "log")
        links = inside.run("ip", "-brief", "link").splitlines()

        assert inside.run("sh", "-c", "echo $$") not in ("", str(inside.init.pid))
        assert [line.split()[0] for line in links] == ["lo"]
        assert str(place.run) not in Path("/proc/mounts").read_text()
        assert str(place.run) in inside.run("cat", "/proc/mounts")


def test_everything_inside_ends_with_it(place: Place, pause: Path) -> None:
    with started(place, pause) as inside:
        command = inside.command("sh", "-c", "sleep 600 & sleep 600")
        with subprocess.Popen(command) as running:
            enclosure.end(inside)

            assert running.wait(10) != 0
    assert enclosure.running(place) is None


def test_it_is_found_again_by_its_file(place: Place, pause: Path) -> None:
    with started(place, pause) as inside:
        found = enclosure.running(place)

        assert found is not None
        assert found.init == inside.init


def test_children_that_others_left_are_reaped(place: Place, pause: Path) -> None:
    with started(place, pause) as inside:
        inside.run("sh", "-c", "(sleep 0.01 &) ; true")
        inside.run(
            "sh", "-c", "while pidof -z sleep >/dev/null || pidof sleep >/dev/null; do :; done"
        )

        assert processes.children_of(inside.init.pid) == []


STARTS_ONE = """
import sys
from pathlib import Path
from cluster import enclosure
from cluster.place import Place
enclosure.start(Place(Path(sys.argv[1])), Path(sys.argv[2]), is_tied=True)
print("started", flush=True)
sys.stdin.read()
"""


def test_it_ends_with_the_process_that_started_it_even_by_a_kill(place: Place, pause: Path) -> None:
    command = [sys.executable, "-c", STARTS_ONE, str(place.cache), str(pause)]
    with subprocess.Popen(
        ["env", f"PYTHONPATH={ROOT / 'tests'}", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        inside = enclosure.running(place)
        assert inside is not None

        starter.send_signal(signal.SIGKILL)

        assert inside.init.wait(10)


def test_a_program_that_does_not_run_is_said(place: Place) -> None:
    with pytest.raises(enclosure.EnclosureFailed, match="unshare"):
        enclosure.start(place, place.cache / "none", is_tied=False)


def test_the_machine_keeps_its_own_mounts(place: Place, pause: Path) -> None:
    before = run("cat", "/proc/mounts")

    with started(place, pause) as inside:
        inside.run("mount", "--make-rshared", "/")
        inside.run("mount", "-t", "tmpfs", "tmpfs", "/run")

    assert run("cat", "/proc/mounts") == before
