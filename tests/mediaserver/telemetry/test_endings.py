"""Sessions that have ended, as a scraper sees them."""

from __future__ import annotations

import itertools

import pytest

from mediaserver.telemetry.builders import TALKED, Observed
from voicemedia_rollout.document import Variant
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.routing.outcome import Outcome
from voicemedia_server.sessions.lifecycle import CloseReason, State
from voicemedia_server.telemetry.endings import LIVE_STATES, VARIANTS


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest.mark.parametrize(("reason", "state"), [*itertools.product(CloseReason, LIVE_STATES)])
async def test_every_end_of_a_session_is_there_from_the_start(
    observed: Observed, reason: CloseReason, state: State
) -> None:
    series = f'{{last_state="{state}",reason="{reason}",transport="webrtc"}}'

    assert await observed.value("voicemedia_sessions_ended_total" + series) == 0


@pytest.mark.parametrize(("variant", "outcome"), [*itertools.product(VARIANTS, Outcome)])
async def test_every_outcome_of_a_variant_is_there_from_the_start(
    observed: Observed, variant: str, outcome: Outcome
) -> None:
    series = f'{{outcome="{outcome}",variant="{variant}"}}'

    assert await observed.value("voicemedia_session_outcomes_total" + series) == 0


async def test_an_end_is_counted_by_reason_and_last_state(observed: Observed) -> None:
    session = await observed.open()

    await observed.service.close_session(session, CloseReason.IDLE)

    series = '{last_state="offered",reason="idle",transport="webrtc"}'
    assert await observed.value("voicemedia_sessions_ended_total" + series) == 1
    assert (
        await observed.value('voicemedia_session_duration_seconds_count{transport="webrtc"}') == 1
    )


async def test_quality_is_noted_when_a_session_ends(observed: Observed) -> None:
    session = await observed.open(TALKED)

    await observed.service.close_session(session, CloseReason.DELETED)

    text = await observed.scrape()
    for line in (
        'voicemedia_session_jitter_seconds_bucket{le="0.005",transport="webrtc"} 1.0',
        'voicemedia_session_jitter_seconds_bucket{le="0.0025",transport="webrtc"} 0.0',
        'voicemedia_session_loss_ratio_bucket{le="0.02",transport="webrtc"} 1.0',
        'voicemedia_session_loss_ratio_bucket{le="0.01",transport="webrtc"} 0.0',
        'voicemedia_session_round_trip_seconds_bucket{le="0.05",transport="webrtc"} 1.0',
        'voicemedia_session_round_trip_seconds_bucket{le="0.025",transport="webrtc"} 0.0',
        'voicemedia_session_playout_seconds_bucket{le="0.1",transport="webrtc"} 1.0',
        'voicemedia_session_playout_seconds_bucket{le="0.06",transport="webrtc"} 0.0',
    ):
        assert line in text


async def test_a_session_without_media_does_not_flatter_the_quality(observed: Observed) -> None:
    session = await observed.open()

    await observed.service.close_session(session, CloseReason.SETUP_TIMEOUT)

    for name in ("jitter_seconds", "loss_ratio", "round_trip_seconds", "playout_seconds"):
        assert await observed.value(f'voicemedia_session_{name}_count{{transport="webrtc"}}') == 0


async def test_a_session_that_broke_while_it_was_made_is_a_failed_set_up(
    observed: Observed,
) -> None:
    observed.metrics.session_broke(Decision(Variant.WEBRTC, DecisionReason.FLAG, 3))
    observed.metrics.session_broke(None)

    failed = 'voicemedia_session_outcomes_total{outcome="setup-failed",variant="%s"}'
    assert await observed.value(failed % "webrtc") == 1
    assert await observed.value(failed % "none") == 1
