"""The guard's decision table, line by line."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_rollout.analysis import Analysis, Measure, Threshold
from voicemedia_rollout.document import Rollout, Variant
from voicemedia_rollout.figures import Figures, Report
from voicemedia_rollout.guard import AUTHOR, Check, Progress, Step, Verdict, check

NOW_UNIX_S = 1_700_000_600
REVISION = 7
ANALYSIS = Analysis(
    min_sessions=50,
    failure_limit=3,
    thresholds=(Threshold(measure=Measure.SETUP_FAILURE, limit=0.1, worse_by=0.05),),
)
FRESH = Progress(REVISION)
STEPS = (Step(5, 300), Step(25, 300), Step(100, 0))


def rollout(**members: Any) -> Rollout:
    standing: dict[str, Any] = {
        "revision": REVISION,
        "weight_percent": 25,
        "changed_unix_s": NOW_UNIX_S - 300,
        "analysis": ANALYSIS,
    }
    return Rollout(**(standing | members))


def setups(connected: int, failed: int = 0) -> Figures:
    return Figures(connected=connected, setup_failed=failed)


def report(webrtc: Figures, websocket: Figures, revision: int = REVISION) -> Report:
    return Report(revision, {Variant.WEBRTC: webrtc, Variant.WEBSOCKET: websocket})


HEALTHY = report(setups(99, 1), setups(100))
FAILING = report(setups(80, 20), setups(100))


def look(seen: Report | None, before: Progress = FRESH, **members: Any) -> Check:
    return check(rollout(**members), seen, before, NOW_UNIX_S, STEPS)


@pytest.mark.parametrize(
    "members",
    [
        {"weight_percent": 0},
        {"is_killed": True},
        {"analysis": Analysis(is_on=False)},
    ],
)
def test_where_the_split_gives_nobody_webrtc_there_is_nothing_to_guard(
    members: dict[str, Any],
) -> None:
    found = look(FAILING, Progress(REVISION, 2), **members)

    assert (found.verdict, found.progress, found.rollout) == (
        Verdict.IDLE,
        Progress(REVISION, 0),
        None,
    )


def test_a_failed_check_changes_no_share_yet() -> None:
    found = look(FAILING)

    assert (found.verdict, found.progress.failed_checks, found.rollout) == (
        Verdict.FAILING,
        1,
        None,
    )
    assert found.reason == "setup-failure is 20.0 % of 100 sessions, the limit is 10.0 %"


def test_the_last_of_the_failed_checks_in_a_row_rolls_back_with_a_reason() -> None:
    found = look(FAILING, Progress(REVISION, 2))

    assert found.verdict is Verdict.ROLLBACK
    assert found.rollout is not None
    assert (found.rollout.weight_percent, found.rollout.revision) == (0, REVISION + 1)
    assert (found.rollout.changed_by, found.rollout.changed_unix_s) == (AUTHOR, NOW_UNIX_S)
    assert found.rollout.reason == (
        "rolled back from 25 % after 3 failed checks in a row: setup-failure is 20.0 % of 100 "
        "sessions, the limit is 10.0 %"
    )


def test_a_rollback_that_could_not_be_written_is_asked_for_again() -> None:
    first = look(FAILING, Progress(REVISION, 2))
    again = look(FAILING, first.progress)

    assert again.verdict is Verdict.ROLLBACK
    assert again.progress == first.progress


def test_a_rollback_keeps_overrides_kill_switch_and_analysis() -> None:
    found = look(FAILING, Progress(REVISION, 2))

    assert found.rollout is not None
    assert found.rollout.analysis == ANALYSIS
    assert found.rollout.is_killed is False


def test_a_healthy_check_forgets_the_failed_ones() -> None:
    found = look(HEALTHY, Progress(REVISION, 2), changed_unix_s=NOW_UNIX_S)

    assert (found.verdict, found.progress) == (Verdict.HEALTHY, Progress(REVISION, 0))


def test_failed_checks_of_another_revision_are_not_held_against_this_one() -> None:
    found = look(FAILING, Progress(REVISION - 1, 2))

    assert (found.verdict, found.progress) == (Verdict.FAILING, Progress(REVISION, 1))


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (None, "no report of revision 7"),
        (report(setups(80, 20), setups(100), revision=6), "no report of revision 7"),
        (report(setups(49), setups(100)), "setup-failure of 49 sessions, 50 are needed"),
        (
            report(setups(50), setups(49)),
            "setup-failure of 49 sessions of the other variant, 50 are needed",
        ),
    ],
)
def test_missing_data_pauses_and_keeps_the_failed_checks(seen: Report | None, why: str) -> None:
    found = look(seen, Progress(REVISION, 2))

    assert (found.verdict, found.reason, found.rollout) == (Verdict.PAUSED, why, None)
    assert found.progress == Progress(REVISION, 2)


def test_the_limit_holds_without_anybody_to_compare_with() -> None:
    assert look(report(setups(80, 20), Figures()), weight_percent=100).verdict is Verdict.FAILING


def test_worse_than_the_other_variant_fails_below_the_limit() -> None:
    found = look(report(setups(93, 7), setups(99, 1)))

    assert found.verdict is Verdict.FAILING
    assert found.reason == (
        "setup-failure is 7.0 % of 100 sessions, the other variant has 1.0 % of 100"
    )


def test_as_bad_as_the_other_variant_is_not_the_fault_of_this_one() -> None:
    assert look(report(setups(92, 8), setups(92, 8))).verdict is not Verdict.FAILING


def test_of_mos_less_is_worse() -> None:
    analysis = Analysis(
        min_sessions=10, thresholds=(Threshold(measure=Measure.MOS, limit=3.6, worse_by=0.3),)
    )
    good, poor, bad = (Figures(rated=10, mos=10 * mos) for mos in (4.3, 3.9, 3.5))

    assert look(report(good, poor), analysis=analysis).verdict is Verdict.WIDEN
    assert look(report(poor, good), analysis=analysis).verdict is Verdict.FAILING
    assert look(report(bad, bad), analysis=analysis).verdict is Verdict.FAILING


def test_one_measure_over_its_bound_is_enough_while_another_has_no_data() -> None:
    analysis = Analysis(
        min_sessions=50,
        thresholds=(
            Threshold(measure=Measure.MOS, limit=3.6),
            Threshold(measure=Measure.SETUP_FAILURE, limit=0.1),
        ),
    )

    assert look(FAILING, analysis=analysis).verdict is Verdict.FAILING
    assert look(HEALTHY, analysis=analysis).verdict is Verdict.PAUSED


def test_a_step_that_was_healthy_for_its_time_is_followed_by_the_next() -> None:
    found = look(HEALTHY)

    assert found.verdict is Verdict.WIDEN
    assert found.rollout is not None
    assert (found.rollout.weight_percent, found.rollout.revision) == (100, REVISION + 1)
    assert found.rollout.reason == "25 % was healthy for 300 s"


def test_a_step_is_held_for_its_time() -> None:
    assert look(HEALTHY, changed_unix_s=NOW_UNIX_S - 299).verdict is Verdict.HEALTHY


def test_a_weight_between_two_steps_is_held_like_the_one_below() -> None:
    found = look(HEALTHY, weight_percent=10)

    assert found.rollout is not None
    assert found.rollout.weight_percent == 25
    assert look(HEALTHY, weight_percent=10, changed_unix_s=NOW_UNIX_S - 299).rollout is None


def test_beyond_the_last_step_nothing_grows() -> None:
    assert look(HEALTHY, weight_percent=100).verdict is Verdict.HEALTHY


def test_without_steps_nothing_grows() -> None:
    found = check(rollout(), HEALTHY, Progress(), NOW_UNIX_S)

    assert found.verdict is Verdict.HEALTHY


counts = st.integers(0, 300)
figures = st.builds(
    Figures, connected=counts, setup_failed=counts, fallbacks=counts, ended=counts, lost=counts
)


@given(
    webrtc=figures,
    websocket=figures,
    failed=st.integers(0, 3),
    weight=st.floats(0, 100),
    has_report=st.booleans(),
)
def test_whatever_is_seen_a_share_only_grows_on_enough_healthy_sessions(
    webrtc: Figures, websocket: Figures, failed: int, weight: float, has_report: bool
) -> None:
    seen = report(webrtc, websocket) if has_report else None
    found = look(seen, Progress(REVISION, failed), weight_percent=weight)

    if found.rollout is not None and found.rollout.weight_percent > weight:
        mean = webrtc.mean(Measure.SETUP_FAILURE)
        assert has_report
        assert mean.count >= ANALYSIS.min_sessions
        assert mean.value <= 0.1
    if found.rollout is not None:
        assert found.rollout.revision == REVISION + 1
    assert found.progress.revision == REVISION


def test_progress_is_read_again_and_starts_anew_from_anything_else() -> None:
    assert Progress.decode(Progress(7, 2).encode()) == Progress(7, 2)
    for text in ("", "{", "[]", '{"revision": "x", "failed_checks": 1}', "null"):
        assert Progress.decode(text) == Progress()


def roll_backs(failure_share: float, rollouts: int) -> int:
    """How many of so many rollouts are rolled back: 5 calls of each variant a check, the last 150
    of them in the window, for 100 checks."""
    dice = random.Random(11)
    count = 0
    for _ in range(rollouts):
        progress = Progress(REVISION)
        calls: list[tuple[bool, bool]] = []
        for _ in range(100):
            calls += [(dice.random() < failure_share, dice.random() < 0.01) for _ in range(5)]
            calls = calls[-150:]
            failed, other = sum(c[0] for c in calls), sum(c[1] for c in calls)
            seen = report(setups(len(calls) - failed, failed), setups(len(calls) - other, other))
            found = check(rollout(), seen, progress, NOW_UNIX_S)
            progress = found.progress
            if found.verdict is Verdict.ROLLBACK:
                count += 1
                break
    return count


def test_a_good_variant_is_not_rolled_back_by_chance() -> None:
    assert roll_backs(failure_share=0.01, rollouts=200) == 0


def test_a_bad_variant_is_always_rolled_back() -> None:
    assert roll_backs(failure_share=0.2, rollouts=50) == 50
