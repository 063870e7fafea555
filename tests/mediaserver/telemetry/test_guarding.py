"""The guard, as a scraper sees it."""

from __future__ import annotations

import itertools

import pytest

from mediaserver.telemetry.builders import Observed
from voicemedia_rollout.analysis import Measure
from voicemedia_rollout.document import Variant
from voicemedia_rollout.figures import Figures, Report
from voicemedia_rollout.guard import Check, Progress, Verdict


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest.mark.parametrize("verdict", Verdict)
async def test_every_verdict_is_there_from_the_start(observed: Observed, verdict: Verdict) -> None:
    assert await observed.value(f'voicemedia_guard_checks_total{{verdict="{verdict}"}}') == 0


@pytest.mark.parametrize(("variant", "measure"), [*itertools.product(Variant, Measure)])
async def test_every_measure_is_there_from_the_start(
    observed: Observed, variant: Variant, measure: Measure
) -> None:
    series = f'{{measure="{measure}",variant="{variant}"}}'

    assert await observed.value("voicemedia_guard_sessions" + series) == 0


async def test_what_the_guard_compares_is_shown_by_the_server_that_leads(
    observed: Observed,
) -> None:
    report = Report(3, {Variant.WEBRTC: Figures(connected=9, setup_failed=1)})
    found = Check(Verdict.FAILING, "setup-failure", Progress(3, 2))
    series = '{measure="setup-failure",variant="webrtc"}'

    observed.metrics.guarding.guard_checked(found, report)

    assert await observed.value('voicemedia_guard_checks_total{verdict="failing"}') == 1
    assert await observed.value("voicemedia_guard_leading") == 1
    assert await observed.value("voicemedia_guard_failed_checks") == 2
    assert await observed.value("voicemedia_guard_mean" + series) == 0.1
    assert await observed.value("voicemedia_guard_sessions" + series) == 10

    observed.metrics.guarding.guard_followed()

    assert await observed.value("voicemedia_guard_leading") == 0
    assert await observed.value("voicemedia_guard_failed_checks") == 0
    assert await observed.value("voicemedia_guard_sessions" + series) == 0
