"""A bounded campaign for every target, by every engine that this Python has."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

CAMPAIGN = Path(__file__).with_name("campaign.py")
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in CAMPAIGN.parent.glob("fuzz_*.py"))
HAS_ATHERIS = importlib.util.find_spec("atheris") is not None
ENGINES = ["atheris", "mutations"] if HAS_ATHERIS else ["mutations"]
RUNS = 20_000


def campaign(target: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, CAMPAIGN, target, *options],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_takes_its_own_seeds(target: str, tmp_path: Path) -> None:
    assert list((CAMPAIGN.parent / "corpus" / target).iterdir())

    done = campaign(target, "--engine", "mutations", "--runs", "0", "--output", str(tmp_path))

    assert done.returncode == 0, done.stderr


@pytest.mark.system
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("target", TARGETS)
def test_no_input_breaks_a_target(target: str, engine: str, tmp_path: Path) -> None:
    done = campaign(target, "--engine", engine, "--runs", str(RUNS), "--output", str(tmp_path))

    assert done.returncode == 0, done.stderr[-4000:]
    assert not list(tmp_path.glob("broken-*"))


@pytest.mark.system
@pytest.mark.parametrize("engine", ENGINES)
def test_an_input_that_breaks_a_target_fails_the_campaign_and_is_kept(
    engine: str, tmp_path: Path
) -> None:
    (tmp_path / "corpus" / "weak").mkdir(parents=True)
    (tmp_path / "corpus" / "weak" / "seed.bin").write_bytes(b"abc")
    (tmp_path / "fuzz_weak.py").write_text("def take(data):\n    assert len(data) < 9\n")
    places = ("--folder", str(tmp_path), "--output", str(tmp_path))

    done = campaign("weak", "--engine", engine, "--runs", "5000", *places)

    assert done.returncode != 0
    (broken,) = tmp_path.glob("broken-*")
    assert len(broken.read_bytes()) >= 9
