"""What the analysis may be told."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from voicemedia_rollout.analysis import Analysis, Measure, Threshold
from voicemedia_rollout.document import Rollout, read_document, write_document


def test_it_travels_with_the_flag_document() -> None:
    analysis = Analysis(
        window_s=60, thresholds=(Threshold(measure=Measure.JITTER, limit=0.03),), is_on=False
    )

    assert read_document(write_document(Rollout(analysis=analysis))).analysis == analysis


def test_a_document_without_one_has_the_defaults() -> None:
    document = json.loads(write_document(Rollout()))
    del document["rollout"]["analysis"]

    assert read_document(json.dumps(document)).analysis == Analysis()


def test_a_threshold_takes_the_place_of_its_measures() -> None:
    analysis = Analysis()
    jitter = Threshold(measure=Measure.JITTER, limit=0.03)
    mos = Threshold(measure=Measure.MOS, limit=4.0)

    assert analysis.with_threshold(jitter) == (*analysis.thresholds, jitter)
    assert [t for t in analysis.with_threshold(mos) if t.measure is Measure.MOS] == [mos]


def test_a_threshold_without_bounds_takes_its_measure_out() -> None:
    left = Analysis().with_threshold(Threshold(measure=Measure.MOS))

    assert Measure.MOS not in [threshold.measure for threshold in left]


@pytest.mark.parametrize(
    "members",
    [
        {"windowS": 0},
        {"windowS": 3601},
        {"intervalS": 0},
        {"minSessions": 0},
        {"failureLimit": 0},
        {"thresholds": [{"measure": "smiles"}]},
        {"thresholds": [{"measure": "mos", "limit": float("inf")}]},
        {"thresholds": [{"measure": "mos"}, {"measure": "mos"}]},
    ],
)
def test_what_makes_no_sense_is_refused(members: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Analysis.model_validate(members)
