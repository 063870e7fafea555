"""What is kept of the API server's objects."""

from __future__ import annotations

from apiserver.documents import pod
from voicemedia_operator.cluster.kinds import Document
from voicemedia_operator.cluster.mirror import Mirror, ResourceKey, resource_of

VOICE = ResourceKey("calls", "voice")


def a_pod(name: str, version: int, resource: str = "voice", uid: str = "") -> Document:
    return pod(name, resource, resourceVersion=str(version), uid=uid or name)


def names(mirror: Mirror, resource: ResourceKey = VOICE) -> list[str]:
    return [found["metadata"]["name"] for found in mirror.of(resource)]


def test_objects_are_found_by_the_resource_that_they_are_for() -> None:
    mirror = Mirror()

    for document in (a_pod("voice-2", 2), a_pod("voice-1", 1), a_pod("other-1", 3, "other")):
        mirror.take(document)

    assert names(mirror) == ["voice-1", "voice-2"]


def test_an_object_without_the_label_is_for_the_resource_of_its_name() -> None:
    document = {"metadata": {"name": "voice", "namespace": "calls"}}

    assert resource_of(document) == VOICE


def test_what_is_older_than_what_is_known_is_no_news() -> None:
    mirror = Mirror()
    mirror.take(a_pod("voice-1", 12))

    assert not mirror.take(a_pod("voice-1", 9))
    assert mirror.get("calls", "voice-1") == a_pod("voice-1", 12)


def test_who_wrote_which_field_is_not_kept() -> None:
    mirror = Mirror()
    document = a_pod("voice-1", 1)
    document["metadata"]["managedFields"] = [{"manager": "somebody"}]

    mirror.take(document)

    assert mirror.get("calls", "voice-1") == a_pod("voice-1", 1)


def test_an_object_that_is_gone_is_forgotten() -> None:
    mirror = Mirror()
    mirror.take(a_pod("voice-1", 1))

    assert mirror.drop(a_pod("voice-1", 2))
    assert names(mirror) == []


def test_the_end_of_a_predecessor_does_not_end_who_took_its_name() -> None:
    mirror = Mirror()
    mirror.take(a_pod("voice-1", 5, uid="second"))

    assert not mirror.drop(a_pod("voice-1", 4, uid="first"))
    assert names(mirror) == ["voice-1"]


def test_what_a_new_list_does_not_have_is_gone() -> None:
    mirror = Mirror()
    mirror.take(a_pod("voice-1", 1))
    mirror.take(a_pod("other-1", 2, "other"))

    changed = mirror.replace([a_pod("voice-1", 1)], version=3, namespace=None)

    assert changed == {ResourceKey("calls", "other")}
    assert [found["metadata"]["name"] for found in mirror.all()] == ["voice-1"]


def test_what_was_made_after_the_list_stays() -> None:
    mirror = Mirror()
    mirror.take(a_pod("voice-9", 9))

    mirror.replace([], version=8, namespace=None)

    assert names(mirror) == ["voice-9"]


def test_a_list_of_one_namespace_says_nothing_of_others() -> None:
    mirror = Mirror()
    mirror.take(a_pod("voice-1", 1))

    mirror.replace([], version=8, namespace="elsewhere")

    assert names(mirror) == ["voice-1"]
