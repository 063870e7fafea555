"""The operator's metrics."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicemedia_operator.telemetry.metrics import LoopResult, Metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def text(metrics: Metrics) -> str:
    return metrics.render("text/plain")[0].decode()


@pytest.mark.parametrize("result", LoopResult)
def test_results_are_there_from_the_start(metrics: Metrics, result: LoopResult) -> None:
    assert f'voicemedia_operator_reconciles_total{{result="{result}"}} 0.0' in text(metrics)


def test_a_look_that_went_well_is_the_last_success(metrics: Metrics) -> None:
    metrics.reconciled(LoopResult.DONE, 0.02, 1764061200.0)
    metrics.reconciled(LoopResult.FAILED, 0.02, 1764061300.0)

    assert "voicemedia_operator_last_success_timestamp_seconds 1.7640612e+09" in text(metrics)
    assert "voicemedia_operator_reconcile_duration_seconds_count 2.0" in text(metrics)


def test_requests_to_the_api_server_are_told_by_verb_and_code(metrics: Metrics) -> None:
    metrics.api_asked("apply", "409", 0.003)

    found = 'voicemedia_operator_api_requests_total{code="409",verb="apply"} 1.0'
    assert found in text(metrics)


def test_a_watch_does_not_count_as_a_slow_request(metrics: Metrics) -> None:
    metrics.api_asked("watch", "200", 300.0)

    assert 'duration_seconds_count{verb="watch"}' not in text(metrics)


def test_what_waited_and_what_was_done_is_told(metrics: Metrics) -> None:
    metrics.waited(0.004)
    metrics.acted("CreatePod", True)
    metrics.pod_asked("look", "done")

    found = text(metrics)
    assert "voicemedia_operator_queue_age_seconds_count 1.0" in found
    assert 'voicemedia_operator_actions_total{action="CreatePod",result="done"} 1.0' in found
    assert 'voicemedia_operator_pod_requests_total{operation="look",result="done"} 1.0' in found


def test_openmetrics_is_answered_to_whom_asks_for_it(metrics: Metrics) -> None:
    content, content_type = metrics.render("application/openmetrics-text;version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    assert content.endswith(b"# EOF\n")


def test_every_metric_is_on_the_page(metrics: Metrics) -> None:
    page = (Path(__file__).parents[3] / "docs" / "operator.md").read_text(encoding="utf-8")
    names = [family.name for family in metrics.registry.collect()]

    assert [name for name in names if name.startswith("voicemedia_") and name not in page] == []
