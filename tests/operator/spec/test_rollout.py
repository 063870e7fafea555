"""How many clients get WebRTC."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voicemedia_operator.spec.rollout import (
    MAX_STEPS,
    Analysis,
    OnFailure,
    Override,
    Rollout,
    Step,
    Threshold,
)
from voicemedia_rollout import analysis, document


def test_a_rollout_must_say_its_weight() -> None:
    with pytest.raises(ValidationError, match="weight"):
        Rollout.model_validate({"killSwitch": True})


@given(st.lists(st.integers(1, 100), max_size=MAX_STEPS))
def test_steps_are_taken_when_they_rise_and_only_then(weights: list[int]) -> None:
    steps = tuple(Step(weight_percent=weight) for weight in weights)
    is_rising = all(a < b for a, b in pairwise(weights))

    if is_rising:
        assert Rollout(weight_percent=100, steps=steps).steps == steps
    else:
        with pytest.raises(ValidationError, match="rules are broken"):
            Rollout(weight_percent=100, steps=steps)


def test_a_client_and_a_tenant_may_have_the_same_name() -> None:
    variant = document.Variant.WEBRTC
    overrides = tuple(
        Override(subject=subject, name="acme", variant=variant) for subject in document.Subject
    )

    assert Rollout(weight_percent=0, overrides=overrides).overrides == overrides


def test_nobody_is_an_exception_twice() -> None:
    override = {"subject": "tenant", "name": "acme", "variant": "webrtc"}

    with pytest.raises(ValidationError, match="same subject and name"):
        Rollout.model_validate({"weight": 0, "overrides": [override, override]})


def test_a_measure_has_one_threshold() -> None:
    threshold = {"measure": "lost", "limit": 0.1}

    with pytest.raises(ValidationError, match="same measure"):
        Analysis.model_validate({"thresholds": [threshold, threshold]})


def test_calls_that_get_worse_are_taken_back_unless_something_is_said() -> None:
    analysis = Rollout(weight_percent=5).analysis

    assert analysis.enabled
    assert analysis.on_failure is OnFailure.ROLLBACK
    assert analysis.thresholds


@pytest.mark.parametrize("bound", [float("nan"), float("inf"), -0.1])
def test_a_bound_is_a_number_that_can_be_reached(bound: float) -> None:
    with pytest.raises(ValidationError):
        Threshold.model_validate({"measure": "lost", "limit": bound})


@pytest.mark.parametrize("measure", analysis.Measure)
def test_a_threshold_is_written_as_in_the_flag_document(measure: analysis.Measure) -> None:
    written = {"measure": measure.value, "limit": 0.1, "worseBy": 0.05}

    ours = Threshold.model_validate(written).model_dump(mode="json", by_alias=True)

    theirs = analysis.Threshold.model_validate(ours)
    assert theirs.model_dump(mode="json", by_alias=True) == written


@pytest.mark.parametrize(
    "name", ["interval_s", "window_s", "min_sessions", "failure_limit", "thresholds"]
)
def test_an_analysis_has_the_defaults_of_the_guard(name: str) -> None:
    def plain(value: object) -> object:
        return [each.model_dump() for each in value] if isinstance(value, tuple) else value

    assert plain(getattr(Analysis(), name)) == plain(getattr(analysis.Analysis(), name))


def test_an_override_is_written_as_in_the_flag_document() -> None:
    written = {"subject": "tenant", "name": "acme", "variant": "webrtc"}

    ours = Override.model_validate(written).model_dump(mode="json", by_alias=True)

    theirs = document.Override.model_validate(ours)
    assert theirs.model_dump(mode="json", by_alias=True) == written
