"""Servers are started until they tell their URL, and ended whatever happens."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.server import ServerFailed, Subject, fresh

ANNOUNCES = "import time; print('  WHIP  http://127.0.0.1:9/whip', flush=True); time.sleep(60)"


def script(source: str) -> Subject:
    return Subject("x", (sys.executable, "-c", source))


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture
def core() -> int:
    return min(os.sched_getaffinity(0))


def test_a_server_is_known_by_the_url_it_tells_and_runs_on_its_core(
    core: int, tmp_path: Path
) -> None:
    with fresh(script(ANNOUNCES), core, False, tmp_path / "log") as server:
        assert server.url == "http://127.0.0.1:9/whip"
        assert os.sched_getaffinity(server.pid) == {core}

    assert not is_alive(server.pid)


def test_a_server_can_tell_which_process_carries_the_media(core: int, tmp_path: Path) -> None:
    announces = ANNOUNCES.replace("/whip'", "/whip pid 1'")

    with fresh(script(announces), core, False, tmp_path / "log") as server:
        assert (server.url, server.pid) == ("http://127.0.0.1:9/whip", 1)


def test_a_server_that_does_not_start_is_an_error_and_its_words_are_kept(
    core: int, tmp_path: Path
) -> None:
    with (
        pytest.raises(ServerFailed, match="before it told"),
        fresh(script("raise SystemExit('no port')"), core, False, tmp_path / "log"),
    ):
        pass

    assert "no port" in (tmp_path / "log").read_text()


def test_a_server_is_ended_when_the_measurement_fails(core: int, tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError),
        fresh(script(ANNOUNCES), core, False, tmp_path / "log") as server,
    ):
        raise RuntimeError("the measurement failed")

    assert not is_alive(server.pid)
