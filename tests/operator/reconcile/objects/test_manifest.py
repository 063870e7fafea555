"""What all objects of a resource have in common, and whether one is as it was applied."""

from __future__ import annotations

from typing import Any

import pytest

from fleets.resources import resource
from voicemedia_operator.reconcile.names import Label
from voicemedia_operator.reconcile.objects.manifest import (
    Manifest,
    is_in_place,
    key_of,
    labels_of,
    owned,
    pods_of,
    stamped,
)
from voicemedia_operator.reconcile.observed import ObjectKey


def config_map(**entries: str) -> Manifest:
    return stamped(owned(resource(), "ConfigMap", "voice-x", data=entries))


def as_seen(manifest: Manifest, **members: Any) -> Manifest:
    """As the API server has it, with members of its own."""
    metadata: Any = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "uid": "x-1", "resourceVersion": "7"}, **members}


def test_an_object_belongs_to_its_resource() -> None:
    manifest: Any = owned(resource(), "ConfigMap", "voice-x")

    assert key_of(manifest) == ObjectKey("ConfigMap", "voice-x")
    assert manifest["metadata"]["namespace"] == "calls"
    (owner,) = manifest["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == (
        "VoiceMediaServer",
        "resource-1",
        True,
    )


def test_further_labels_never_take_the_place_of_those_that_all_have() -> None:
    given = {Label.RESOURCE.value: "another", "team": "calls"}
    manifest: Any = owned(resource(), "ConfigMap", "voice-x", labels=given)

    assert manifest["metadata"]["labels"] == {"team": "calls"} | labels_of("voice")


def test_pods_are_selected_by_labels_that_every_object_of_the_resource_has() -> None:
    assert pods_of("voice").items() <= labels_of("voice").items()


def test_an_object_as_it_was_applied_is_in_place() -> None:
    manifest = config_map(a="1")

    assert is_in_place(manifest, as_seen(manifest, immutable=False))


@pytest.mark.parametrize("seen", [{"a": "2"}, {}, {"b": "1"}])
def test_an_object_that_somebody_changed_is_not_in_place(seen: dict[str, str]) -> None:
    manifest = config_map(a="1")

    assert not is_in_place(manifest, as_seen(manifest, data=seen))


def test_an_object_with_a_member_that_is_no_longer_wanted_is_not_in_place() -> None:
    before = config_map(a="1", b="2")

    assert not is_in_place(config_map(a="1"), as_seen(before))


def test_an_object_that_is_not_there_is_not_in_place() -> None:
    assert not is_in_place(config_map(), None)


def test_lists_are_compared_entry_by_entry() -> None:
    manifest = stamped(owned(resource(), "Service", "voice", spec={"ports": [{"port": 80}]}))
    defaulted = [{"port": 80, "protocol": "TCP"}]

    assert is_in_place(manifest, as_seen(manifest, spec={"ports": defaulted}))
    assert not is_in_place(manifest, as_seen(manifest, spec={"ports": [*defaulted, {}]}))
