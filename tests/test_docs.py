"""The pages that people read first: their links lead somewhere, and they name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FIRST_PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = sorted(
    [*(ROOT / name for name in FIRST_PAGES), *(ROOT / "docs").rglob("*.md")],
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
MAKE_TARGET = re.compile(r"`?\bmake ([a-z]+)\b")
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
PACKAGES = (
    ROOT / "mediaserver" / "voicemedia_server",
    ROOT / "operator" / "voicemedia_operator",
)


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """The fragments by which a page's headings can be linked to."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_a_link_leads_to_a_file_that_exists(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if ":" not in link]

    for link in links:
        name, _, fragment = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not fragment or fragment in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_a_command_that_a_page_names_is_a_target_of_make(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    for block in re.findall(r"```sh\n(.*?)```|(`make [^`]*`)", page.read_text(), re.DOTALL):
        for target in MAKE_TARGET.findall("".join(block)):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("package", PACKAGES, ids=shown)
def test_every_room_has_its_line_in_the_architecture(package: Path) -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = {p.stem for p in package.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}

    missing = {room for room in rooms - {"__init__"} if f"  {room}" not in text}

    assert not missing


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]

    assert numbers == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=shown)
def test_a_decision_says_its_number_and_since_when_it_holds(path: Path) -> None:
    first, _, dated, *_ = path.read_text(encoding="utf-8").splitlines()

    assert first.startswith(f"# {int(path.name[:4])}. ")
    assert re.match(r"\*20\d\d-\d\d-\d\d, ", dated)
