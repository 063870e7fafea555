from __future__ import annotations

import json

import pytest

from whip_conformance import report
from whip_conformance.requirement import Level, Requirement
from whip_conformance.runner import Outcome
from whip_conformance.verdict import Verdict


def outcome(
    id: str = "W9",
    level: Level = Level.MUST,
    verdict: Verdict = Verdict.PASS,
    *,
    is_bug: bool = False,
) -> Outcome:
    return Outcome(Requirement(id, level, "4.2", "Text."), verdict, "as found", 0.25, is_bug)


@pytest.mark.parametrize(
    ("level", "verdict", "status"),
    [
        (Level.MUST, Verdict.PASS, 0),
        (Level.MUST, Verdict.FAIL, 1),
        (Level.MUST_NOT, Verdict.FAIL, 1),
        (Level.SHALL, Verdict.FAIL, 1),
        (Level.SHOULD, Verdict.FAIL, 0),
        (Level.PROFILE, Verdict.FAIL, 0),
        (Level.DERIVED, Verdict.FAIL, 0),
        (Level.MUST, Verdict.INCONCLUSIVE, 0),
        (Level.MUST, Verdict.NOT_APPLICABLE, 0),
    ],
)
def test_only_a_must_that_fails_makes_the_exit_status_1(
    level: Level, verdict: Verdict, status: int
) -> None:
    assert report.exit_status([outcome(), outcome(level=level, verdict=verdict)]) == status


def test_a_suite_that_broke_exits_with_3_unless_a_must_fails() -> None:
    broken = outcome(verdict=Verdict.INCONCLUSIVE, is_bug=True)

    assert report.exit_status([broken]) == 3
    assert report.exit_status([broken, outcome(verdict=Verdict.FAIL)]) == 1


def test_the_table_has_a_line_for_each_requirement_and_sums_up() -> None:
    lines = report.table([outcome("W9"), outcome("W14", verdict=Verdict.FAIL)]).splitlines()

    assert lines[0].split() == ["id", "§", "level", "verdict", "finding"]
    assert lines[1].split() == ["W9", "4.2", "MUST", "pass", "as", "found"]
    assert lines[2].split() == ["W14", "4.2", "MUST", "fail", "as", "found"]
    assert lines[3] == "2 lines: 1 pass, 1 fail; MUST fails: W14"


def test_the_summary_of_a_conforming_server_says_so() -> None:
    assert report.summary([outcome()]) == "1 lines: 1 pass; no MUST fails"
    assert report.summary([]) == "0 lines: nothing; no MUST fails"


def test_json_says_the_same_as_the_table() -> None:
    document = json.loads(report.as_json("http://a/whip", [outcome(verdict=Verdict.FAIL)]))

    assert document["url"] == "http://a/whip"
    assert document["conforms"] is False
    assert document["requirements"] == [
        {
            "id": "W9",
            "section": "4.2",
            "level": "MUST",
            "text": "Text.",
            "verdict": "fail",
            "finding": "as found",
            "duration_s": 0.25,
        }
    ]
