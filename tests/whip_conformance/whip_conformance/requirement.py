"""The registry: every line of RFC 9725 that binds somebody, and the check that tests it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whip_conformance.target import Target

Check = Callable[["Target"], Awaitable[str]]


class Level(StrEnum):
    """How binding a line is.

    DERIVED: follows from another RFC. PROFILE: one answer where the RFC leaves several, chosen
    because it serves clients best.
    """

    MUST = "MUST"
    MUST_NOT = "MUST NOT"
    SHALL = "SHALL"
    SHOULD = "SHOULD"
    SHOULD_NOT = "SHOULD NOT"
    RECOMMENDED = "RECOMMENDED"
    MAY = "MAY"
    DERIVED = "derived"
    PROFILE = "profile"

    @property
    def is_binding(self) -> bool:
        """A server that fails it is no WHIP server."""
        return self in (Level.MUST, Level.MUST_NOT, Level.SHALL)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of the checklist. `check` is None where it binds only clients or can't be seen."""

    id: str
    level: Level
    section: str
    text: str
    check: Check | None = None
    why_unchecked: str = ""

    @property
    def line(self) -> str:
        """The line of the checklist: W10 for W10-415."""
        return self.id.partition("-")[0]

    @property
    def number(self) -> int:
        return int(self.line[1:])


class RequirementError(Exception):
    """A requirement that is declared wrongly: a mistake of this suite."""


class Registry:
    """Collects the requirements as the modules of checks are imported."""

    def __init__(self) -> None:
        self._by_id: dict[str, Requirement] = {}

    def add(self, requirement: Requirement) -> None:
        """Raises `RequirementError` for an id that is malformed or taken."""
        if not re.fullmatch(r"W\d+(-[a-z0-9-]+)?", requirement.id):
            raise RequirementError(f"{requirement.id} is no id like W9 or W9-absolute")
        if requirement.id in self._by_id:
            raise RequirementError(f"{requirement.id} is declared twice")
        self._by_id[requirement.id] = requirement

    def all(self) -> tuple[Requirement, ...]:
        """In the order of the checklist; refinements of a line follow it."""
        return tuple(sorted(self._by_id.values(), key=lambda r: (r.number, r.id != r.line)))


REGISTRY = Registry()


def requirement(id: str, *, level: Level, section: str, text: str) -> Callable[[Check], Check]:
    """Declares a check: a coroutine that takes a `Target` and returns a short finding."""

    def declare(check: Check) -> Check:
        REGISTRY.add(Requirement(id, level, section, text, check))
        return check

    return declare


def unchecked(id: str, *, level: Level, section: str, text: str, why: str) -> None:
    """Declares a line that no check of a server can test."""
    REGISTRY.add(Requirement(id, level, section, text, None, why))


def select(requirements: tuple[Requirement, ...], only: tuple[str, ...]) -> tuple[Requirement, ...]:
    """Those whose id or line is named in `only`; all of them where it is empty.

    Raises `RequirementError` for a name that there is none of.
    """
    names = {name.strip() for name in only}
    known = {r.id for r in requirements} | {r.line for r in requirements}
    if unknown := sorted(names - known):
        raise RequirementError(f"there is no requirement {', '.join(unknown)}")
    return tuple(r for r in requirements if not names or r.id in names or r.line in names)
