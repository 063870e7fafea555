"""The shape of the repository, as the house rules want it."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "mediaserver": ROOT / "mediaserver" / "voicemedia_server",
    "operator": ROOT / "operator" / "voicemedia_operator",
    "rollout": ROOT / "rollout" / "voicemedia_rollout",
}
SOURCES = sorted(path for package in PACKAGES.values() for path in package.rglob("*.py"))
TESTS = sorted(
    path
    for path in (ROOT / "tests").rglob("*.py")
    if not {"output", "target", "node_modules"} & set(path.parts)
)
MAX_LINES = 600
FORBIDDEN_NAMES = frozenset(
    {"util", "utils", "helper", "helpers", "common", "misc", "base", "data", "info", "manager"}
)
STANDARD_NAMES_WE_MAY_USE: dict[str, str] = {}

TESTED_ELSEWHERE = {
    "ports.py": "Protocols and the documents that they carry: nothing here runs; the rooms that "
    "implement them hold them, and mypy both sides",
    "reconcile/actions.py": "what a plan is made of: nothing runs here; tests of those who "
    "plan hold it",
    "packets/peer_end.py": "what the plane keeps for a peer; tests/mediaserver/packets holds it "
    "through the plane that owns it",
}
"""Modules without a test file of their own, each with its reason."""


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_room(path: Path) -> bool:
    """An `__init__.py` that says what its room is, and nothing else."""
    return path.name == "__init__.py"


@pytest.mark.parametrize("house", ["operator", "mediaserver", "rollout"])
def test_a_house_is_a_folder_and_never_a_package(house: str) -> None:
    """An `operator/__init__.py` would shadow the standard library's `operator`."""
    assert not (ROOT / house / "__init__.py").exists()
    assert not (ROOT / "tests" / house / "__init__.py").exists()


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=shown)
def test_a_file_fits_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=shown)
def test_a_file_is_named_for_what_it_knows(path: Path) -> None:
    assert path.stem.removeprefix("test_") not in FORBIDDEN_NAMES


@pytest.mark.parametrize("path", [p for p in SOURCES if not is_room(p)], ids=shown)
def test_no_module_takes_the_name_of_a_standard_one(path: Path) -> None:
    assert path.stem not in sys.stdlib_module_names - STANDARD_NAMES_WE_MAY_USE.keys()


@pytest.mark.parametrize("path", [p for p in SOURCES if is_room(p)], ids=shown)
def test_a_room_says_what_it_is_and_holds_no_code(path: Path) -> None:
    text = path.read_text(encoding="utf-8").strip()

    assert text.startswith('"""')
    assert text.endswith('"""')


def own_tests_of(path: Path) -> list[Path]:
    """The test files of a module: `test_<module>.py`, or several that begin so."""
    (house, package) = next((h, p) for h, p in PACKAGES.items() if path.is_relative_to(p))
    folder = ROOT / "tests" / house / path.parent.relative_to(package)
    return [*folder.glob(f"test_{path.stem}.py"), *folder.glob(f"test_{path.stem}_*.py")]


@pytest.mark.parametrize("path", [p for p in SOURCES if not is_room(p)], ids=shown)
def test_a_module_has_tests_of_its_own(path: Path) -> None:
    package = next(p for p in PACKAGES.values() if path.is_relative_to(p))
    exception = TESTED_ELSEWHERE.get(path.relative_to(package).as_posix())

    assert own_tests_of(path) or exception


@pytest.mark.parametrize("name", sorted(TESTED_ELSEWHERE))
def test_an_exception_is_for_a_module_that_exists(name: str) -> None:
    assert any((package / name).exists() for package in PACKAGES.values())


@pytest.mark.parametrize("house", ["mediaserver", "operator"])
def test_every_room_has_its_place_in_the_import_contracts(house: str) -> None:
    layers = (ROOT / ".importlinter").read_text(encoding="utf-8")
    package = PACKAGES[house]
    rooms = {p.stem for p in package.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}

    assert all(room in layers for room in rooms - {"__init__"})


def test_only_our_packages_are_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    built = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert sorted(built) == sorted(shown(package) for package in PACKAGES.values())
