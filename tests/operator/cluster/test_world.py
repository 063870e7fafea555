"""What is known of the API server's objects, by resource."""

from __future__ import annotations

from apiserver.documents import config_map, pod, resource
from voicemedia_operator.cluster.kinds import POD, Document
from voicemedia_operator.cluster.mirror import ResourceKey
from voicemedia_operator.cluster.world import World
from voicemedia_operator.reconcile.observed import ObjectKey

VOICE = ResourceKey("calls", "voice")


def stored(document: Document, version: int = 1, **metadata: object) -> Document:
    document["metadata"] |= {"resourceVersion": str(version), "uid": f"uid-{version}", **metadata}
    return document


def owned_by(uid: str) -> dict[str, object]:
    return {"ownerReferences": [{"uid": uid}]}


def node(name: str, version: int) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "resourceVersion": str(version), "uid": name},
    }


def test_a_resource_is_found_by_its_key() -> None:
    world = World()

    world.take(stored(resource("voice")))

    assert world.resource(VOICE) is not None
    assert world.resource(ResourceKey("elsewhere", "voice")) is None


def test_pods_of_a_predecessor_of_the_same_name_are_not_the_resources() -> None:
    world = World()
    world.take(stored(pod("voice-1"), 1, **owned_by("before")))
    world.take(stored(pod("voice-2"), 2, **owned_by("now")))

    assert [p["metadata"]["name"] for p in world.pods(VOICE, "now")] == ["voice-2"]


def test_objects_are_all_that_is_neither_pod_nor_resource() -> None:
    world = World()
    for version, document in enumerate(
        [resource("voice"), pod("voice-1"), config_map("voice-flags")]
    ):
        world.take(stored(document, version))

    assert list(world.objects(VOICE)) == [ObjectKey("ConfigMap", "voice-flags")]


def test_nodes_are_unknown_until_they_were_listed() -> None:
    world = World()
    world.take(node("node1", 1))
    before = world.nodes()
    world.knows_nodes = True

    assert (before, world.nodes()) == (None, frozenset({"node1"}))


def test_an_answer_that_is_no_object_is_no_news() -> None:
    assert not World().take({"kind": "Status", "apiVersion": "v1", "status": "Success"})


def test_what_we_deleted_is_gone_before_the_watch_says_so() -> None:
    world = World()
    world.take(stored(pod("voice-1"), 7, **owned_by("now")))

    world.drop(POD, "calls", "voice-1", "uid-7")

    assert list(world.pods(VOICE, "now")) == []
