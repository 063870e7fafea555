"""What becomes of a plan."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from apiserver.documents import config_map, pod, resource
from apiserver.pods import TOKEN, MediaPod
from apiserver.twin import ApiServer
from apiserver.workshops import workshop_for
from voicemedia_operator.acting import Failures, event_document
from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.kinds import (
    CONFIG_MAP,
    EVENT,
    POD,
    SECRET,
    VOICE_MEDIA_SERVER,
    Document,
)
from voicemedia_operator.cluster.mirror import ResourceKey
from voicemedia_operator.fleet.admin_ports import Door
from voicemedia_operator.loop import Workshop
from voicemedia_operator.observing import Sight
from voicemedia_operator.reconcile import actions as do
from voicemedia_operator.reconcile.names import FINALIZER
from voicemedia_operator.reconcile.observed import Flags, ObjectKey, Observed, Resource
from voicemedia_operator.reconcile.reading import read_resource
from voicemedia_operator.spec.status import Phase, Status

VOICE = ResourceKey("calls", "voice")
URL = "redis://here"
FLEET_SECRET: Document = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "voice-fleet"},
}


def no_plan(resource: Resource, observed: Observed, now_unix_s: int) -> do.Plan:
    return do.Plan((), Status())


@pytest.fixture
async def media_pod() -> AsyncIterator[MediaPod]:
    async with MediaPod().serving() as serving:
        yield serving


@pytest.fixture
async def workshop(api: Api, media_pod: MediaPod) -> AsyncIterator[Workshop]:
    async with workshop_for(api, no_plan, media_pod.port) as made:
        yield made


@pytest.fixture
async def voice(server: ApiServer, workshop: Workshop) -> Resource:
    """Known to all."""
    document = await server.put(resource("voice"))
    workshop.world.take(document)
    return read_resource(document)


async def act(workshop: Workshop, voice: Resource, *actions: do.Action, **members: Any) -> Failures:
    """With doors to `voice-1`, and the status as it was."""
    doors = {"voice-1": Door("127.0.0.1", TOKEN, workshop.observer.admin_port)}
    sight = Sight(Observed(), doors, "calls.voice", URL)
    plan = do.Plan(actions, members.pop("status", voice.status), **members)
    return await workshop.actor.act(voice, sight, plan)


async def existing_pod(server: ApiServer, workshop: Workshop) -> Document:
    made = await server.put(pod("voice-1"))
    workshop.world.take(made)
    return made


async def test_an_object_is_applied_and_known_at_once(
    workshop: Workshop, server: ApiServer, voice: Resource
) -> None:
    await act(workshop, voice, do.Apply(config_map("voice-flags", flags="{}")))

    assert server.get(CONFIG_MAP, "calls", "voice-flags")["data"] == {"flags": "{}"}
    assert ObjectKey("ConfigMap", "voice-flags") in workshop.world.objects(VOICE)


async def test_an_object_is_deleted_if_it_is_the_one_that_was_seen(
    workshop: Workshop, server: ApiServer, voice: Resource
) -> None:
    made = await server.put(config_map("voice-flags"))
    key = ObjectKey("ConfigMap", "voice-flags")

    await act(workshop, voice, do.Delete(key, "another"))
    before = len(server.objects(CONFIG_MAP))
    await act(workshop, voice, do.Delete(key, made["metadata"]["uid"]))

    assert (before, len(server.objects(CONFIG_MAP))) == (1, 0)


async def test_a_pod_is_created_and_known_at_once(
    workshop: Workshop, server: ApiServer, voice: Resource
) -> None:
    manifest = pod("voice-1", ownerReferences=[{"uid": voice.uid}])

    await act(workshop, voice, do.CreatePod(manifest))

    assert len(list(workshop.world.pods(VOICE, voice.uid))) == 1


async def test_a_pod_that_is_there_already_stays_as_it_is(
    workshop: Workshop, server: ApiServer, voice: Resource
) -> None:
    made = await existing_pod(server, workshop)

    failures = await act(workshop, voice, do.CreatePod(pod("voice-1")))

    assert failures == Failures()
    assert server.get(POD, "calls", "voice-1") == made


async def test_a_pod_is_deleted_once(
    workshop: Workshop, server: ApiServer, voice: Resource
) -> None:
    made = await existing_pod(server, workshop)
    action = do.DeletePod("voice-1", made["metadata"]["uid"])

    first = await act(workshop, voice, action)
    again = await act(workshop, voice, action)

    assert (first, again) == (Failures(), Failures())
    assert server.objects(POD) == []


async def test_a_mark_is_set_and_taken_away(
    workshop: Workshop, server: ApiServer, voice: Resource
) -> None:
    uid = (await existing_pod(server, workshop))["metadata"]["uid"]

    await act(workshop, voice, do.Mark("voice-1", uid, {"serving": "true"}, {"since": "now"}))
    await act(workshop, voice, do.Mark("voice-1", uid, {"serving": None}, {}))

    metadata = server.get(POD, "calls", "voice-1")["metadata"]
    assert "serving" not in metadata["labels"]
    assert metadata["annotations"] == {"since": "now"}


async def test_a_secret_is_made_of_random_texts(
    workshop: Workshop, server: ApiServer, voice: Resource
) -> None:

    await act(workshop, voice, do.MakeSecret(FLEET_SECRET, {"secret": 32, "admin-token": 32}))

    data = server.get(SECRET, "calls", "voice-fleet")["data"]
    assert {len(base64.b64decode(text)) for text in data.values()} == {43}
    assert data["secret"] != data["admin-token"]


async def test_a_secret_is_made_only_once(
    workshop: Workshop, server: ApiServer, voice: Resource
) -> None:
    await act(workshop, voice, do.MakeSecret(FLEET_SECRET, {"secret": 32}))
    before = server.get(SECRET, "calls", "voice-fleet")

    failures = await act(workshop, voice, do.MakeSecret(FLEET_SECRET, {"secret": 32}))

    assert failures == Failures()
    assert server.get(SECRET, "calls", "voice-fleet") == before


async def test_a_pod_is_told_to_drain_and_to_take_it_back(
    workshop: Workshop, media_pod: MediaPod, voice: Resource
) -> None:
    await act(workshop, voice, do.Drain("voice-1", "p", 0, 10), do.Undrain("voice-1", "p"))

    assert media_pod.told == [
        ("POST /drain", {"limit_s": 0, "notice_s": 10}),
        ("POST /undrain", None),
    ]


async def test_flags_reach_redis_and_the_pod(
    workshop: Workshop, media_pod: MediaPod, voice: Resource
) -> None:
    document = '{"flags": {}}'

    await act(workshop, voice, do.PublishFlags(3, document), do.PutFlags("voice-1", "p", document))

    assert await workshop.observer.flags.read("calls.voice", URL) == Flags(True, document)
    assert media_pod.told == [("PUT /flags", {"flags": {}})]


async def test_a_pod_that_has_no_door_yet_is_told_another_time(
    workshop: Workshop, voice: Resource
) -> None:
    assert await act(workshop, voice, do.Drain("voice-9", "p")) == Failures()


async def test_an_action_that_fails_stops_no_other(
    workshop: Workshop, server: ApiServer, voice: Resource
) -> None:
    server.fail = {"create": [403]}

    failures = await act(
        workshop, voice, do.CreatePod(pod("voice-1")), do.Apply(config_map("voice-flags"))
    )

    assert failures == Failures(1)
    assert server.objects(CONFIG_MAP)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_api_server_that_has_no_time_weighs_heavily(
    workshop: Workshop, server: ApiServer, voice: Resource, status: int
) -> None:
    server.fail = {"create": [status]}

    assert await act(workshop, voice, do.CreatePod(pod("voice-1"))) == Failures(1, True)


async def test_the_finalizer_is_added_to_those_of_others(
    workshop: Workshop, server: ApiServer
) -> None:
    document = resource("voice")
    document["metadata"]["finalizers"] = ["example.org/other"]
    made = await server.put(document)
    workshop.world.take(made)

    await act(workshop, read_resource(made), do.AddFinalizer())

    found = server.get(VOICE_MEDIA_SERVER, "calls", "voice")
    assert found["metadata"]["finalizers"] == ["example.org/other", FINALIZER]


async def test_a_resource_that_lets_go_is_gone_and_gets_no_status(
    workshop: Workshop, server: ApiServer
) -> None:
    document = resource("voice")
    document["metadata"] |= {
        "finalizers": [FINALIZER],
        "deletionTimestamp": "2026-11-25T09:00:00Z",
    }
    made = await server.put(document)
    workshop.world.take(made)

    failures = await act(
        workshop, read_resource(made), do.RemoveFinalizer(), status=Status(phase=Phase.DELETING)
    )

    assert failures == Failures()
    assert server.objects(VOICE_MEDIA_SERVER) == []
    assert workshop.world.resource(VOICE) is None


async def test_a_status_that_is_as_it_was_is_not_written(
    workshop: Workshop, server: ApiServer, voice: Resource
) -> None:
    await act(workshop, voice)

    assert server.asked == []


async def test_a_new_status_is_written_and_known_at_once(
    workshop: Workshop, server: ApiServer, voice: Resource
) -> None:
    await act(workshop, voice, status=Status(phase=Phase.READY))

    found = workshop.world.resource(VOICE)
    assert found is not None
    assert read_resource(found).status == Status(phase=Phase.READY)


async def test_a_turn_is_told_only_once_it_was_written_down(
    workshop: Workshop, server: ApiServer, voice: Resource
) -> None:
    told = {"status": Status(phase=Phase.READY), "events": (do.Event(False, "Ready", "all well"),)}
    server.fail = {"apply": [500]}

    await act(workshop, voice, **told)
    before = len(server.objects(EVENT))
    await act(workshop, voice, **told)

    assert (before, len(server.objects(EVENT))) == (0, 1)


def test_an_event_is_about_the_resource_and_says_who_reports(voice_document: Resource) -> None:
    event = do.Event(True, "PodsMissing", "m" * 5000)

    document = event_document(
        voice_document, event, "operator-1", datetime(2026, 11, 25, 9, tzinfo=UTC)
    )

    assert (document["type"], document["reason"]) == ("Warning", "PodsMissing")
    assert document["regarding"]["uid"] == "u-1"
    assert document["reportingInstance"] == "operator-1"
    assert document["eventTime"] == "2026-11-25T09:00:00.000000Z"
    assert len(document["note"]) == 1024


@pytest.fixture
def voice_document() -> Resource:
    document = resource("voice")
    document["metadata"]["uid"] = "u-1"
    return read_resource(document)
