"""What Prometheus answered to the queries of an analysis."""

from __future__ import annotations

import pytest

from fleets.resources import NOW
from voicemedia_operator.reconcile.queries import Judgement, judge, with_judgement
from voicemedia_operator.spec.rollout import Query
from voicemedia_rollout.analysis import Analysis
from voicemedia_rollout.document import Rollout
from voicemedia_rollout.guard import Check, Progress, Verdict

QUERIES = (
    Query(name="complaints", query="a", maximum=0.1),
    Query(name="answers", query="b", minimum=5),
)
ROLLOUT = Rollout(revision=4, weight_percent=20, analysis=Analysis(failure_limit=3))
BAD = Judgement(violated=("query complaints is 1, the maximum is 0.1",))


def found(verdict: Verdict) -> Check:
    return Check(verdict, "as the table says", Progress(4))


def after(verdict: Verdict, judged: Judgement, failed_checks: int = 0) -> Check:
    return with_judgement(found(verdict), judged, ROLLOUT, Progress(4, failed_checks), NOW)


def test_values_within_their_bounds_are_good() -> None:
    assert judge(QUERIES, {"complaints": 0.1, "answers": 5}) == Judgement()


def test_a_value_out_of_its_bounds_is_told_with_the_bound() -> None:
    judged = judge(QUERIES, {"complaints": 0.2, "answers": 4})

    assert judged.violated == (
        "query complaints is 0.2, the maximum is 0.1",
        "query answers is 4, the minimum is 5",
    )


@pytest.mark.parametrize("answers", [{}, {"complaints": float("nan"), "answers": float("nan")}])
def test_no_answer_is_no_data_and_never_good(answers: dict[str, float]) -> None:
    judged = judge(QUERIES, answers)

    assert judged.violated == ()
    assert len(judged.missing) == 2


@pytest.mark.parametrize("verdict", [Verdict.IDLE, Verdict.FAILING, Verdict.ROLLBACK])
def test_what_the_table_found_bad_or_idle_stays_so(verdict: Verdict) -> None:
    assert after(verdict, BAD) == found(verdict)


@pytest.mark.parametrize("verdict", [Verdict.HEALTHY, Verdict.WIDEN, Verdict.PAUSED])
def test_a_bad_value_fails_the_check(verdict: Verdict) -> None:
    check = after(verdict, BAD, failed_checks=1)

    assert check.verdict is Verdict.FAILING
    assert check.progress == Progress(4, 2)
    assert check.rollout is None


def test_bad_values_in_a_row_roll_back() -> None:
    check = after(Verdict.HEALTHY, BAD, failed_checks=2)

    assert check.verdict is Verdict.ROLLBACK
    assert check.rollout is not None
    assert (check.rollout.revision, check.rollout.weight_percent) == (5, 0)
    assert "complaints" in check.rollout.reason


@pytest.mark.parametrize("verdict", [Verdict.HEALTHY, Verdict.WIDEN])
def test_a_missing_answer_never_widens_the_share_and_keeps_failed_checks(verdict: Verdict) -> None:
    check = after(verdict, Judgement(missing=("query answers has no answer",)), failed_checks=2)

    assert check.verdict is Verdict.PAUSED
    assert check.progress == Progress(4, 2)


def test_without_queries_the_table_alone_decides() -> None:
    assert after(Verdict.WIDEN, Judgement()) == found(Verdict.WIDEN)
