"""Outcomes as a table, as JSON and as an exit status. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from whip_conformance.runner import Outcome
from whip_conformance.verdict import Verdict

EXIT_CONFORMS = 0
EXIT_FAILS = 1
EXIT_UNUSABLE = 2
EXIT_BROKEN = 3


def failed_musts(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The failures that no WHIP server may have."""
    return [o for o in outcomes if o.verdict is Verdict.FAIL and o.requirement.level.is_binding]


def exit_status(outcomes: Sequence[Outcome]) -> int:
    """1 when a MUST fails, 3 when the suite itself broke, else 0."""
    if failed_musts(outcomes):
        return EXIT_FAILS
    return EXIT_BROKEN if any(o.is_bug for o in outcomes) else EXIT_CONFORMS


def row(outcome: Outcome) -> str:
    """One line of the table."""
    requirement = outcome.requirement
    return (
        f"{requirement.id:<22} {requirement.section:<6} {requirement.level:<12} "
        f"{outcome.verdict:<15} {outcome.finding}"
    )


def heading() -> str:
    """The first line of the table."""
    return f"{'id':<22} {'§':<6} {'level':<12} {'verdict':<15} finding"


def summary(outcomes: Sequence[Outcome]) -> str:
    """The last line of the table."""
    counts = Counter(outcome.verdict for outcome in outcomes)
    parts = [f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict]]
    musts = failed_musts(outcomes)
    verdict = "no MUST fails"
    if musts:
        verdict = f"MUST fails: {', '.join(o.requirement.id for o in musts)}"
    return f"{len(outcomes)} lines: {', '.join(parts) or 'nothing'}; {verdict}"


def table(outcomes: Sequence[Outcome]) -> str:
    """The whole table."""
    return "\n".join([heading(), *map(row, outcomes), summary(outcomes)])


def as_json(url: str, outcomes: Sequence[Outcome]) -> str:
    """The same as a JSON document."""
    rows = [
        {
            "id": outcome.requirement.id,
            "section": outcome.requirement.section,
            "level": str(outcome.requirement.level),
            "text": outcome.requirement.text,
            "verdict": str(outcome.verdict),
            "finding": outcome.finding,
            "duration_s": round(outcome.duration_s, 3),
        }
        for outcome in outcomes
    ]
    conforms = not failed_musts(outcomes)
    return json.dumps({"url": url, "conforms": conforms, "requirements": rows}, indent=2)
