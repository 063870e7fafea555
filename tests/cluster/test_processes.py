"""A process is its number and its birth."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import processes
from cluster.processes import Process


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as running:
        yield running
        running.kill()


def test_a_process_that_was_written_down_is_found_again(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    found = processes.of(sleeper.pid)
    assert found is not None

    found.write(tmp_path / "pid")

    assert processes.read(tmp_path / "pid") == found
    assert found.is_alive


def test_a_number_that_was_given_again_is_another_process() -> None:
    own = processes.of(os.getpid())
    assert own is not None

    former = Process(own.pid, own.born_ticks - 1)

    assert not former.is_alive
    former.signal(signal.SIGKILL)  # or this test would end here


def test_one_that_ended_is_gone_even_before_its_parent_asks(
    sleeper: subprocess.Popen[bytes],
) -> None:
    found = processes.of(sleeper.pid)
    assert found is not None

    found.signal(signal.SIGKILL)

    assert found.wait(10)


def test_waiting_for_one_that_goes_on_tells_so(sleeper: subprocess.Popen[bytes]) -> None:
    found = processes.of(sleeper.pid)

    assert found is not None
    assert not found.wait(0)


def test_children_and_their_programs_are_known(sleeper: subprocess.Popen[bytes]) -> None:
    assert sleeper.pid in processes.children_of(os.getpid())
    assert processes.program_of(os.getpid()) is not None
    assert processes.innermost_pid(sleeper.pid) == sleeper.pid


@pytest.mark.parametrize("text", ["", "17", "seventeen 4"])
def test_a_file_that_names_nothing_gives_no_process(text: str, tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(text)

    assert processes.read(tmp_path / "pid") is None
    assert processes.read(tmp_path / "none") is None
