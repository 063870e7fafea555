"""What the operator says that it saw."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from voicemedia_operator.spec.capacity import MAX_REPLICAS
from voicemedia_operator.spec.status import (
    Condition,
    ConditionStatus,
    ConditionType,
    PodPhase,
    PodStatus,
    Status,
)

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def condition(kind: ConditionType = ConditionType.AVAILABLE) -> Condition:
    """One that holds."""
    return Condition(
        type=kind,
        status=ConditionStatus.TRUE,
        reason="EnoughPods",
        observed_generation=3,
        last_transition_time=NOON,
    )


def test_times_are_written_as_kubernetes_reads_them() -> None:
    written = condition().model_dump(mode="json", by_alias=True)

    assert written["lastTransitionTime"] == "2026-11-25T12:00:00Z"


def test_times_are_whole_seconds() -> None:
    pod = PodStatus(
        name="voice-1",
        phase=PodPhase.DRAINING,
        revision="r",
        drain_deadline=NOON.replace(microsecond=345),
    )

    assert pod.drain_deadline == NOON


def test_an_answer_says_which_generation_it_is_about() -> None:
    """Else `kubectl wait` would wait for ever."""
    answer = condition().model_dump()
    del answer["observed_generation"]

    with pytest.raises(ValidationError, match="observedGeneration"):
        Condition.model_validate(answer)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Condition(
            type=ConditionType.PAUSED,
            status=ConditionStatus.FALSE,
            reason="NotPaused",
            observed_generation=3,
            last_transition_time=NOON.replace(tzinfo=None),
        )


def test_every_condition_stands_once() -> None:
    every = tuple(condition(kind) for kind in ConditionType)

    assert Status(conditions=every).conditions == every
    with pytest.raises(ValidationError, match="same type"):
        Status(conditions=(every[0], every[0]))


@pytest.mark.parametrize("reason", ["", "two words", "1st", "Ends_"])
def test_a_reason_is_one_word(reason: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        condition().model_validate({**condition().model_dump(), "reason": reason})


def test_pods_that_drain_fit_in_beside_all_that_are_wanted() -> None:
    pods = tuple(
        PodStatus(name=f"voice-{n}", phase=PodPhase.DRAINING, revision="r")
        for n in range(2 * MAX_REPLICAS)
    )

    assert len(Status(pods=pods).pods) == 2 * MAX_REPLICAS


def test_what_is_written_is_read_again() -> None:
    status = Status(conditions=(condition(),), selector="app.kubernetes.io/instance=voice")

    written = status.model_dump(mode="json", by_alias=True, exclude_none=True)

    assert Status.model_validate_json(status.model_dump_json(by_alias=True)) == status
    assert written["conditions"][0]["type"] == "Available"
