"""Metrics, as a scraper sees them."""

from __future__ import annotations

import asyncio
import gc

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from mediaserver.telemetry.builders import TALKED, Observed
from voicemedia_server.registry_port import Operation, Result
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.sessions.lifecycle import CloseReason, Signal, State
from voicemedia_server.sessions.refusals import RefusalReason
from voicemedia_server.telemetry.endings import LIVE_STATES
from voicemedia_server.telemetry.metrics import CHUNK_SESSIONS, Metrics

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def observed() -> Observed:
    return Observed()


# -- what is there from the start -----------------------------------------------------------


@pytest.mark.parametrize("reason", DropReason)
async def test_every_reason_of_a_drop_is_there_from_the_start(
    observed: Observed, reason: DropReason
) -> None:
    assert await observed.value(f'voicemedia_packets_dropped_total{{reason="{reason}"}}') == 0


@pytest.mark.parametrize("reason", RefusalReason)
async def test_every_reason_of_a_refusal_is_there_from_the_start(
    observed: Observed, reason: RefusalReason
) -> None:
    assert await observed.value(f'voicemedia_requests_refused_total{{reason="{reason}"}}') == 0


@pytest.mark.parametrize("state", LIVE_STATES)
async def test_every_state_is_there_from_the_start(observed: Observed, state: State) -> None:
    assert await observed.value(f'voicemedia_sessions{{state="{state}",transport="webrtc"}}') == 0


async def test_the_build_tells_version_and_packet_plane(observed: Observed) -> None:
    series = 'voicemedia_build_info{packet_plane="python",version="1.2.3"}'

    assert await observed.value(series) == 1


async def test_the_process_tells_its_memory(observed: Observed) -> None:
    assert await observed.value("process_resident_memory_bytes") > 1_000_000


# -- formats --------------------------------------------------------------------------------


async def test_a_scraper_that_accepts_openmetrics_gets_it(observed: Observed) -> None:
    content_type, body = await observed.metrics.render(OPENMETRICS)

    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")


async def test_any_other_scraper_gets_the_text_format(observed: Observed) -> None:
    content_type, body = await observed.metrics.render("*/*")

    assert content_type.startswith("text/plain; version=0.0.4")
    assert b"# EOF" not in body


async def test_a_strict_parser_reads_all_of_it(observed: Observed) -> None:
    session = await observed.open(TALKED)
    await observed.service.close_session(session, CloseReason.DELETED)

    text = await observed.scrape(OPENMETRICS)
    families = list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]  # theirs

    assert len({family.name for family in families}) == len(families) > 30


# -- sessions -------------------------------------------------------------------------------


async def test_a_session_is_counted_in_its_state(observed: Observed) -> None:
    session = await observed.open()

    assert await observed.value('voicemedia_sessions{state="offered",transport="webrtc"}') == 1

    await observed.service.close_session(session, CloseReason.DELETED)

    assert await observed.value('voicemedia_sessions{state="offered",transport="webrtc"}') == 0


async def test_opening_and_connecting_are_timed(observed: Observed) -> None:
    session = await observed.open()
    observed.service._take(session, Signal.CHECKED)
    observed.service._take(session, Signal.SECURED)

    for phase in ("answer", "connected"):
        series = f'voicemedia_session_setup_seconds_count{{phase="{phase}",transport="webrtc"}}'
        assert await observed.value(series) == 1
    assert await observed.value('voicemedia_sessions_opened_total{transport="webrtc"}') == 1


# -- media ----------------------------------------------------------------------------------


async def test_totals_do_not_fall_when_a_session_ends(observed: Observed) -> None:
    series = 'voicemedia_rtp_packets_received_total{transport="webrtc"}'
    session = await observed.open(TALKED)
    await observed.open(TALKED)
    before = await observed.value(series)

    await observed.service.close_session(session, CloseReason.DELETED)

    assert before == await observed.value(series) == 2 * TALKED.packets_received


async def test_a_session_that_ends_amid_a_scrape_is_counted_once(observed: Observed) -> None:
    sessions = [await observed.open(TALKED) for _ in range(CHUNK_SESSIONS + 1)]
    scrape = asyncio.ensure_future(
        observed.value('voicemedia_rtp_packets_received_total{transport="webrtc"}')
    )
    await asyncio.sleep(0)  # the scrape has read the first hundred and lets others run

    await observed.service.close_session(sessions[0], CloseReason.DELETED)
    await observed.service.close_session(sessions[-1], CloseReason.DELETED)

    assert await scrape == len(sessions) * TALKED.packets_received


async def test_drops_are_counted_by_reason(observed: Observed) -> None:
    observed.plane.count_drop(DropReason.RTP_VIDEO)
    observed.plane.count_drop(DropReason.RTP_VIDEO)

    assert await observed.value('voicemedia_packets_dropped_total{reason="rtp-video"}') == 2


# -- the server -----------------------------------------------------------------------------


async def test_a_refusal_is_counted_by_reason(observed: Observed) -> None:
    observed.metrics.refused(RefusalReason.RATE_LIMITED)

    assert await observed.value('voicemedia_requests_refused_total{reason="rate-limited"}') == 1


async def test_ready_means_that_new_sessions_are_taken(observed: Observed) -> None:
    assert await observed.value("voicemedia_ready") == 0

    observed.metrics.is_ready = True
    assert await observed.value("voicemedia_ready") == 1
    assert await observed.value("voicemedia_draining") == 0

    observed.service.drain()
    assert await observed.value("voicemedia_ready") == 0
    assert await observed.value("voicemedia_draining") == 1

    observed.service.undrain()
    assert await observed.value("voicemedia_ready") == 1


async def test_the_capacity_is_told(observed: Observed) -> None:
    assert await observed.value("voicemedia_sessions_max") == 300
    assert await observed.value("voicemedia_sessions_pending_max") == 200


async def test_a_late_loop_and_an_uncaught_exception_are_counted(observed: Observed) -> None:
    observed.metrics.loop_was_late(0.03)
    observed.metrics.loop_error()

    text = await observed.scrape()
    assert 'voicemedia_event_loop_lag_seconds_bucket{le="0.02"} 0.0' in text
    assert 'voicemedia_event_loop_lag_seconds_bucket{le="0.05"} 1.0' in text
    assert "voicemedia_event_loop_errors_total 1.0" in text


async def test_each_pause_of_the_collector_is_measured_while_watched(observed: Observed) -> None:
    series = 'voicemedia_gc_pause_seconds_count{generation="2"}'
    gc.disable()
    try:
        unwatch = observed.metrics.watch_collector()
        gc.collect(2)
        unwatch()
        gc.collect(2)
    finally:
        gc.enable()

    assert await observed.value(series) == 1


async def test_before_there_is_a_service_a_scrape_shows_what_there_is() -> None:
    observed = Observed()
    observed.metrics._source = None

    text = await observed.scrape()

    assert "voicemedia_build_info" in text
    assert "voicemedia_draining" not in text


async def test_what_the_registry_was_asked_is_counted_and_timed() -> None:
    metrics = Metrics("1", "python")
    metrics.registry_reachable(True)
    metrics.registry_asked(Operation.CLAIM, Result.FULL, 0.002)

    _, body = await metrics.render("")
    lines = body.decode().splitlines()
    assert "voicemedia_registry_up 1.0" in lines
    counted = 'voicemedia_registry_operations_total{operation="claim",result="full"} 1.0'
    assert counted in lines
    assert 'voicemedia_registry_operation_seconds_count{operation="claim"} 1.0' in lines
