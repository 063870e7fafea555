"""How a check ends: a verdict, and the exceptions by which it says anything but `pass`."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """The result of one requirement."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not-applicable"


class CheckEnded(Exception):
    """A check ends early; `finding` is one line for the table."""

    verdict: Verdict

    def __init__(self, finding: str) -> None:
        super().__init__(finding)
        self.finding = finding


class Failed(CheckEnded):
    """The server does not do what is required."""

    verdict = Verdict.FAIL


class Inconclusive(CheckEnded):
    """It cannot be told from here."""

    verdict = Verdict.INCONCLUSIVE


class NotApplicable(CheckEnded):
    """The requirement does not bind this server, or needs an option that was not given."""

    verdict = Verdict.NOT_APPLICABLE


def require(holds: bool, finding: str) -> None:
    """Raises `Failed` with this finding unless it holds."""
    if not holds:
        raise Failed(finding)
