"""What the generator says is read whole or not at all."""

from __future__ import annotations

import copy
import json
from typing import Any  # JSON to be damaged

import pytest

from bench.report import ReportUnreadable, read_report

QUANTILES = {"p50": 0.5, "p99": 1.5, "p999": 2.5, "max": 9, "count": 3}
DOCUMENT: dict[str, Any] = {
    "set_ups": {
        "connected": 2,
        "failed": 1,
        "failed_by_reason": {"ice_timeout": 1},
        "lost": 0,
        "lost_by_reason": {},
        "delayed_by_retry_after": 4,
        "per_s": 299.5,
        "answer_ms": QUANTILES,
        "connected_ms": QUANTILES,
        "ended": 2,
        "not_ended": 0,
        "end_ms": QUANTILES,
    },
    "media": {
        "measured_s": 10.0,
        "sent": 1000,
        "received": 999,
        "loss_percent": 0.1,
        "latency_ms": QUANTILES,
        "jitter_ms": QUANTILES,
        "reordered": 0,
        "duplicates": 0,
        "altered": 0,
        "renumbered": 0,
        "retimed": 0,
        "unopened": 0,
        "strays": 0,
        "rtcp_sent": 4,
        "rtcp_received": 5,
    },
    "generator": {
        "cpu_percent": 12.5,
        "late_ms": QUANTILES,
        "late_sends": 0,
        "dropped": 0,
        "refused": 0,
        "clock_step_ms": 0.0,
        "has_slipped": True,
        "warnings": ["the generator read too slowly: 3 echoes dropped"],
    },
}


def test_every_figure_lands_in_its_place() -> None:
    report = read_report(json.dumps(DOCUMENT))

    assert (report.set_ups.connected, report.set_ups.failed_by_reason) == (2, {"ice_timeout": 1})
    assert (report.media.received, report.media.loss_percent) == (999, 0.1)
    assert (report.media.latency.p99_ms, report.media.latency.p999_ms) == (1.5, 2.5)
    assert report.generator.warnings == ("the generator read too slowly: 3 echoes dropped",)


@pytest.mark.parametrize("part", DOCUMENT)
def test_a_missing_part_is_an_error(part: str) -> None:
    with pytest.raises(ReportUnreadable, match=part):
        read_report(json.dumps({name: DOCUMENT[name] for name in DOCUMENT if name != part}))


@pytest.mark.parametrize("damage", ["many", True, None, [], {}])
def test_a_figure_that_is_no_number_is_an_error(damage: object) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["media"]["received"] = damage

    with pytest.raises(ReportUnreadable):
        read_report(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_what_is_no_report_is_an_error(text: str) -> None:
    with pytest.raises(ReportUnreadable):
        read_report(text)
