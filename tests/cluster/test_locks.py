"""One run at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cluster.locks import held
from cluster.place import ROOT


def test_who_comes_second_is_told_and_waits(tmp_path: Path) -> None:
    waits, done = threading.Event(), threading.Event()

    def second() -> None:
        with held(tmp_path / "lock", waits.set):
            done.set()

    with held(tmp_path / "lock", lambda: pytest.fail("nobody holds it")):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(10)
        assert not done.is_set()
    thread.join(10)
    assert done.is_set()


HOLDS_IT = """
import subprocess, sys
from pathlib import Path
from cluster.locks import held
with held(Path(sys.argv[1]), exit):
    subprocess.Popen(["sleep", "5"], stdout=subprocess.DEVNULL)
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_process_that_was_killed_holds_nothing_nor_do_its_children(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    command = ["env", f"PYTHONPATH={ROOT / 'tests'}", sys.executable, "-c", HOLDS_IT, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()

    with held(lock, lambda: pytest.fail("somebody holds it")):
        assert lock.exists()
