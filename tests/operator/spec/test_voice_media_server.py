"""The whole spec, and how it is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from voicemedia_operator.spec.voice_media_server import (
    GRACE_MARGIN_S,
    Fault,
    Spec,
    SpecMalformed,
    parse_spec,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
names = st.sampled_from([*(field.alias or name for name, field in Spec.model_fields.items()), "x"])


def faults_of(**members: Any) -> tuple[Fault, ...]:
    """What is wrong with a spec that is right but for these members."""
    with pytest.raises(SpecMalformed) as refusal:
        parse_spec({"image": "i", **members})
    return refusal.value.faults


def test_only_the_image_must_be_said() -> None:
    assert parse_spec({"image": "voicemedia-media:1"}) == Spec(image="voicemedia-media:1")


def test_without_a_rollout_everybody_is_given_webrtc() -> None:
    assert Spec(image="i").rollout.weight_percent == 100


def test_every_member_to_mend_is_named_at_once() -> None:
    with pytest.raises(SpecMalformed) as refusal:
        parse_spec(
            {
                "replicas": -1,
                "media": {"exposure": {"mode": "HostPort", "muxPort": 8080}},
                "rollout": {"weight": 5, "steps": [{"weight": 1}, {"weight": 101}]},
            }
        )

    assert [fault.member for fault in refusal.value.faults] == [
        "spec.image",
        "spec.replicas",
        "spec.media.exposure",
        "spec.media.exposure",
        "spec.rollout.steps[1].weight",
    ]
    assert str(refusal.value.faults[0]) == "spec.image: is missing"


@pytest.mark.parametrize("replicas", ["3", 3.0, True])
def test_a_number_is_no_text_as_on_the_api_server(replicas: object) -> None:
    (fault,) = faults_of(replicas=replicas)

    assert fault.member == "spec.replicas"


def test_a_member_has_one_spelling() -> None:
    assert faults_of(kill_switch=True) == (Fault("spec.kill_switch", "is not known"),)
    (fault,) = faults_of(media={"max_sessions_per_pod": 3})
    assert fault.member == "spec.media.max_sessions_per_pod"


def test_values_are_not_repeated_in_what_is_wrong() -> None:
    (fault,) = faults_of(signaling={"auth": {"mode": "hunter2"}})

    assert "hunter2" not in str(fault)


def test_the_grace_of_a_pod_covers_its_drain() -> None:
    spec = parse_spec({"image": "i", "drain": {"timeoutSeconds": 100, "noticeSeconds": 5}})

    assert spec.grace_s == 105 + GRACE_MARGIN_S


def test_a_grace_that_is_given_counts() -> None:
    spec = parse_spec({"image": "i", "pod": {"terminationGracePeriodSeconds": 4000}})

    assert spec.grace_s == 4000


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault of the spec
@given(st.dictionaries(names, json_values, max_size=4))
def test_whatever_is_written_is_a_spec_or_malformed(members: dict[str, Any]) -> None:
    found: Spec | tuple[Fault, ...]
    try:
        found = parse_spec(members)
    except SpecMalformed as refusal:
        found = refusal.faults

    assert isinstance(found, Spec) or all(fault.member.startswith("spec") for fault in found)
    assert found


@given(replicas=st.integers(0, 500), paused=st.booleans(), weight=st.integers(0, 100))
def test_what_is_read_can_be_written_and_read_again(
    replicas: int, paused: bool, weight: int
) -> None:
    written: dict[str, JsonValue] = {
        "image": "i",
        "replicas": replicas,
        "paused": paused,
        "rollout": {"weight": weight},
    }
    spec = parse_spec(written)

    again = parse_spec(spec.model_dump(mode="json", by_alias=True, exclude_none=True))

    assert again == spec
