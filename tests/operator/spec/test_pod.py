"""What a pod is given, and what it connects to."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from voicemedia_operator.spec.pod import Pod, Registry, Resources, Telemetry, Toleration


def test_a_pod_is_never_throttled_unless_it_is_said() -> None:
    assert "cpu" not in Resources().limits


@pytest.mark.parametrize("quantity", ["500m", "0.5", "256Mi", "1G", "1e3"])
def test_quantities_are_those_of_kubernetes(quantity: str) -> None:
    assert Resources(requests={"cpu": quantity}).requests == {"cpu": quantity}


@pytest.mark.parametrize("quantity", ["", "-1", "1 Gi", "half", "1mi"])
def test_what_is_no_quantity_is_refused(quantity: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        Resources(requests={"cpu": quantity})


def test_affinity_is_handed_on_as_it_is() -> None:
    affinity = {"nodeAffinity": {"weight": [1, {"as": "it is"}]}}

    assert Pod.model_validate({"affinity": affinity}).affinity == affinity


def test_a_toleration_is_written_as_in_a_pod() -> None:
    written = {"key": "dedicated", "operator": "Exists", "tolerationSeconds": 60}

    read = Toleration.model_validate(written)

    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == written


def test_labels_that_kubernetes_would_refuse_are_refused() -> None:
    with pytest.raises(ValidationError, match="pattern"):
        Pod(labels={"team": "voice team"})


def test_a_fleet_needs_no_registry() -> None:
    assert Registry().url_secret_ref is None
    assert not Registry().required


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_share_of_traces_is_between_none_and_all(ratio: float) -> None:
    with pytest.raises(ValidationError):
        Telemetry(trace_sample_ratio=ratio)
