"""What a server counts for the comparison of the variants."""

from __future__ import annotations

import pytest

from voicemedia_rollout.analysis import Analysis
from voicemedia_rollout.document import Rollout, Variant
from voicemedia_rollout.figures import Figures
from voicemedia_server.guard.outcomes import Outcomes
from voicemedia_server.ports import Ending, MediaStats
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.sessions.lifecycle import CloseReason, State
from voicemedia_server.sessions.sound import Transport

ROLLOUT = Rollout(revision=7, weight_percent=50, analysis=Analysis(window_s=60))
WEBRTC = Decision(Variant.WEBRTC, DecisionReason.FLAG, 7)
WEBSOCKET = Decision(Variant.WEBSOCKET, DecisionReason.FLAG, 7)
CALL = MediaStats(
    packets_received=95,
    packets_lost=5,
    jitter_s=0.01,
    round_trip_s=0.04,
    drops={DropReason.TOO_LARGE: 2},
)


def ended(
    decision: Decision | None,
    reason: CloseReason,
    last_state: State = State.CONNECTED,
    transport: Transport = Transport.WEBRTC,
) -> Ending:
    return Ending(transport, reason, last_state, 12.0, decision)


def counted(outcomes: Outcomes, variant: Variant = Variant.WEBRTC) -> Figures:
    report = outcomes.report(ROLLOUT)
    assert report is not None
    return report.of(variant)


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


def test_a_set_up_is_counted_when_it_is_connected(outcomes: Outcomes) -> None:
    outcomes.session_opened(Transport.WEBRTC, 0.01)
    outcomes.session_connected(Transport.WEBRTC, 0.3, WEBRTC)

    assert counted(outcomes) == Figures(connected=1, setup_s=0.3)


def test_a_fallback_is_a_failed_set_up_of_what_was_decided_on(outcomes: Outcomes) -> None:
    outcomes.session_connected(Transport.WEBSOCKET, 0.0, WEBRTC)
    outcomes.session_ended(ended(WEBRTC, CloseReason.DELETED, transport=Transport.WEBSOCKET), CALL)

    assert counted(outcomes) == Figures(fallbacks=1)
    assert counted(outcomes, Variant.WEBSOCKET) == Figures()


@pytest.mark.parametrize(
    ("reason", "figures"),
    [
        (CloseReason.SETUP_TIMEOUT, Figures(setup_failed=1)),
        (CloseReason.DTLS_FAILED, Figures(setup_failed=1)),
        (CloseReason.DELETED, Figures(abandoned=1)),
    ],
)
def test_one_that_was_never_connected(
    outcomes: Outcomes, reason: CloseReason, figures: Figures
) -> None:
    outcomes.session_ended(ended(WEBRTC, reason, State.CONNECTING), MediaStats())

    assert counted(outcomes) == figures


def test_one_that_broke_before_it_was_made_is_a_failed_set_up(outcomes: Outcomes) -> None:
    outcomes.session_broke(WEBRTC)

    assert counted(outcomes) == Figures(setup_failed=1)


def test_a_call_leaves_its_figures_when_it_ends(outcomes: Outcomes) -> None:
    outcomes.session_ended(ended(WEBRTC, CloseReason.DELETED), CALL)

    figures = counted(outcomes)
    assert (figures.ended, figures.lost, figures.dropped_packets) == (1, 0, 2)
    assert (figures.heard, figures.loss_ratio, figures.jitter_s) == (1, 0.05, 0.01)
    assert (figures.timed, figures.round_trip_s) == (1, 0.04)
    assert (figures.rated, round(figures.mos, 1)) == (1, 3.3)


def test_a_call_that_was_heard_no_more_is_lost(outcomes: Outcomes) -> None:
    outcomes.session_ended(ended(WEBRTC, CloseReason.CONSENT_EXPIRED), MediaStats())

    assert counted(outcomes) == Figures(ended=1, lost=1)


@pytest.mark.parametrize(
    "decision",
    [
        None,
        Decision(Variant.WEBRTC, DecisionReason.OVERRIDE, 7),
        Decision(Variant.WEBRTC, DecisionReason.RESUME, 7),
        Decision(Variant.WEBRTC, DecisionReason.FLAG, 6),
    ],
)
def test_who_was_not_decided_on_by_the_split_in_force_is_no_sample(
    outcomes: Outcomes, decision: Decision | None
) -> None:
    outcomes.session_connected(Transport.WEBRTC, 0.1, decision)
    outcomes.session_ended(ended(decision, CloseReason.CONSENT_EXPIRED), CALL)
    outcomes.session_broke(decision)

    assert counted(outcomes) == Figures()


def test_what_is_older_than_the_window_of_the_analysis_counts_no_more() -> None:
    now_s = 0.0
    outcomes = Outcomes(lambda: now_s)
    outcomes.session_connected(Transport.WEBRTC, 0.1, WEBRTC)

    now_s = 50.0
    assert counted(outcomes).connected == 1
    now_s = 70.0
    assert counted(outcomes).connected == 0


def test_without_a_document_of_ours_there_is_no_report(outcomes: Outcomes) -> None:
    assert outcomes.report(None) is None
