"""Sums of sessions: what they mean, and that those of servers can be added."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_rollout.analysis import Measure
from voicemedia_rollout.document import Variant
from voicemedia_rollout.figures import Figures, Mean, Report

counts = st.integers(0, 1 << 40)
figures = st.builds(
    Figures,
    connected=counts,
    setup_failed=counts,
    abandoned=counts,
    ended=counts,
    lost=counts,
    setup_s=counts.map(float),
)
reports = st.builds(
    Report, st.just(3), st.dictionaries(st.sampled_from(Variant), figures, max_size=2)
)


def test_set_ups_that_fail_or_come_by_the_other_transport_are_failures() -> None:
    seen = Figures(connected=90, setup_failed=6, fallbacks=4, abandoned=50)

    assert seen.mean(Measure.SETUP_FAILURE) == Mean(0.1, 100)


def test_calls_that_last_are_no_evidence_of_loss() -> None:
    """Two calls of a hundred were lost at once; the others go on."""
    assert Figures(connected=100, ended=2, lost=2).mean(Measure.LOST) == Mean(0.02, 100)


def test_means_are_over_the_sessions_of_which_something_is_known() -> None:
    seen = Figures(
        connected=4,
        setup_s=2.0,
        ended=4,
        dropped_packets=8,
        heard=2,
        loss_ratio=0.1,
        jitter_s=0.04,
        timed=1,
        round_trip_s=0.2,
        rated=1,
        mos=4.0,
    )

    assert {measure: seen.mean(measure) for measure in Measure} == {
        Measure.SETUP_FAILURE: Mean(0, 4),
        Measure.LOST: Mean(0, 4),
        Measure.SETUP_TIME: Mean(0.5, 4),
        Measure.LOSS: Mean(0.05, 2),
        Measure.JITTER: Mean(0.02, 2),
        Measure.ROUND_TRIP: Mean(0.2, 1),
        Measure.MOS: Mean(4.0, 1),
        Measure.DROPS: Mean(2.0, 4),
    }


@pytest.mark.parametrize("measure", Measure)
def test_nothing_counted_is_a_mean_of_no_sessions(measure: Measure) -> None:
    assert Figures().mean(measure) == Mean(0.0, 0)


@given(reports, reports, reports)
def test_the_order_in_which_servers_are_added_is_no_matter(
    one: Report, two: Report, three: Report
) -> None:
    assert ((one + two) + three).encode() == (three + (two + one)).encode()


def test_reports_of_two_revisions_are_not_added() -> None:
    with pytest.raises(ValueError, match="two revisions"):
        Report(1) + Report(2)


@given(reports)
def test_what_is_written_is_read_again(report: Report) -> None:
    assert Report.decode(report.encode()).encode() == report.encode()


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({}, "revision is no whole number"),
        ({"revision": True}, "revision is no whole number"),
        ({"revision": 1, "webrtc": 5}, "webrtc is no object"),
        ({"revision": 1, "webrtc": {"lost": -1}}, "lost is no number of at least 0"),
        ({"revision": 1, "webrtc": {"mos": float("nan")}}, "mos is no number of at least 0"),
        ({"revision": 1, "webrtc": {"lost": "many"}}, "lost is no number of at least 0"),
    ],
)
def test_what_is_no_report_is_told(members: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Report.decode(members)


def test_members_of_a_newer_writer_are_passed_over() -> None:
    newer = {"revision": 1, "webrtc": {"lost": 1, "smiles": "many"}}

    assert Report.decode(newer).of(Variant.WEBRTC) == Figures(lost=1)
