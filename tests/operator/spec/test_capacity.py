"""How many pods there are, and how they leave."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from voicemedia_operator.spec.capacity import MAX_REPLICAS, Drain, Scaling, ScalingMode, Update


def test_people_say_how_many_pods_there_are_unless_something_else_is_said() -> None:
    assert Scaling().mode is ScalingMode.FIXED


def test_capacity_never_falls_during_an_update_unless_it_is_said() -> None:
    assert (Update().max_surge, Update().max_unavailable) == (1, 0)


@pytest.mark.parametrize("bounds", [{"max_surge": 0, "max_unavailable": 1}, {"max_surge": 1}])
def test_an_update_can_proceed_by_one_of_its_bounds(bounds: dict[str, int]) -> None:
    assert Update(**bounds)


def test_a_fleet_without_calls_may_go_altogether() -> None:
    assert Scaling(min_replicas=0, max_replicas=0).max_replicas == 0


@pytest.mark.parametrize("replicas", [-1, MAX_REPLICAS + 1])
def test_the_number_of_pods_is_bounded(replicas: int) -> None:
    with pytest.raises(ValidationError):
        Scaling(max_replicas=replicas)


def test_calls_may_go_on_for_an_hour_and_at_most_for_a_week() -> None:
    assert Drain().timeout_s == 3600
    with pytest.raises(ValidationError):
        Drain(timeout_s=7 * 86400 + 1)
