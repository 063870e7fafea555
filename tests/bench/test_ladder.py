"""The arithmetic of rungs, the verdict, and where the ladder ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import report, rung, use
from bench.ladder import Climb, Ladder, Rung, SetUpRun, Verdict, next_sessions, read_rungs
from bench.report import Report


def broken() -> Rung:
    return rung(found=report(p99_ms=50))


def doubtful() -> Rung:
    return rung(found=report(warnings=("the generator's pacing slipped",)))


def test_cpu_per_packet_counts_packets_that_came_back() -> None:
    measured = rung(found=report(1000, loss_percent=50), used=use(cpu_s=5))

    assert measured.us_per_packet == pytest.approx(20)


def test_memory_per_session_is_what_the_server_grew_by() -> None:
    assert rung(100, used=use(grown_kb=12_300)).kb_per_session == 123


def test_a_server_that_echoed_nothing_has_no_cost_to_tell() -> None:
    nothing = report(0)

    assert rung(found=nothing).us_per_packet == 0
    assert rung(found=nothing).kb_per_session == 0
    assert SetUpRun(nothing, use()).cpu_ms_each == 0


def test_cpu_of_a_set_up_is_shared_among_those_connected() -> None:
    assert SetUpRun(report(1000), use(cpu_s=1.2)).cpu_ms_each == pytest.approx(1.2)


def test_a_rung_holds_below_both_limits() -> None:
    assert rung(found=report(loss_percent=0.49, p99_ms=19.9)).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (report(99), Verdict.SET_UPS_FAILED),
        (report(lost=1), Verdict.SESSIONS_LOST),
        (report(loss_percent=0.5), Verdict.LOSS),
        (report(p99_ms=20), Verdict.LATENCY),
        (report(loss_percent=3, p99_ms=90), Verdict.LOSS),
    ],
)
def test_a_rung_breaks_for_the_first_reason(found: Report, verdict: Verdict) -> None:
    assert rung(100, found=found).verdict is verdict


def test_a_slipping_generator_and_a_busy_core_are_doubts() -> None:
    assert doubtful().doubts == ("the generator's pacing slipped",)
    assert rung(used=use(disturbed_s=1)).doubts == (
        "the server waited 10.0 % of the time for others",
    )
    assert rung(used=use(disturbed_s=0.04)).doubts == ()


def test_a_doubtful_rung_is_repeated_until_it_is_clean_or_was_tried_enough() -> None:
    assert Climb((doubtful(),)).should_repeat(3)
    assert not Climb((doubtful(), rung())).should_repeat(3)
    assert not Climb((doubtful(), doubtful(), doubtful())).should_repeat(3)


def test_the_last_attempt_counts_and_the_earlier_doubts_are_remembered() -> None:
    climb = Climb((doubtful(), rung(250)))

    assert climb.rung.sessions == 250
    assert climb.repeated_because == ("the generator's pacing slipped",)


def test_the_ladder_goes_up_to_the_first_break() -> None:
    rungs = (100, 250, 500)

    assert next_sessions(rungs, []) == 100
    assert next_sessions(rungs, [Climb((rung(),))]) == 250
    assert next_sessions(rungs, [Climb((rung(),)), Climb((broken(),))]) is None
    assert next_sessions(rungs, [Climb((rung(),))] * 3) is None


def test_a_server_holds_as_many_as_its_highest_good_rung() -> None:
    ladder = Ladder("x", (Climb((rung(100),)), Climb((rung(250),)), Climb((broken(),))), None)

    assert ladder.holds == 250
    assert Ladder("x", (Climb((broken(),)),), None).holds == 0


@given(st.sets(st.integers(1, 10_000), min_size=1))
def test_rising_counts_are_read(counts: set[int]) -> None:
    assert read_rungs(",".join(map(str, sorted(counts)))) == tuple(sorted(counts))


@pytest.mark.parametrize("text", ["", "100,", "ten", "0,1", "250,100", "100,100"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"session counts|list of numbers"):
        read_rungs(text)
