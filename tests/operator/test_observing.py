"""What is seen of a resource before a plan is made."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apiserver.documents import config_map, pod, resource, secret
from apiserver.pods import TOKEN, MediaPod
from apiserver.twin import ApiServer
from apiserver.workshops import workshop_for
from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.errors import ApiFailed
from voicemedia_operator.cluster.kinds import Document
from voicemedia_operator.loop import Workshop
from voicemedia_operator.observing import Sight
from voicemedia_operator.reconcile.actions import Plan
from voicemedia_operator.reconcile.observed import Flags, Memo, ObjectKey, Observed, Resource
from voicemedia_operator.reconcile.reading import read_resource
from voicemedia_operator.spec.status import Status

NOW = 1_764_061_200


def no_plan(resource: Resource, observed: Observed, now_unix_s: int) -> Plan:
    return Plan((), Status())


@pytest.fixture
async def media_pod() -> AsyncIterator[MediaPod]:
    async with MediaPod().serving() as serving:
        yield serving


@pytest.fixture
async def workshop(api: Api, media_pod: MediaPod) -> AsyncIterator[Workshop]:
    async with workshop_for(api, no_plan, media_pod.port) as made:
        yield made


def running_pod(name: str = "voice-1") -> Document:
    document = pod(name, ownerReferences=[{"uid": "u-1"}], uid="p-1", resourceVersion="7")
    status = {
        "phase": "Running",
        "podIP": "127.0.0.1",
        "containerStatuses": [{"state": {"running": {}}}],
    }
    return {**document, "status": status}


def voice(**spec: Any) -> Resource:
    document = resource("voice", **spec)
    document["metadata"]["uid"] = "u-1"
    return read_resource(document)


async def seen(workshop: Workshop, wanted: Resource, memo: Memo | None = None) -> Sight:
    return await workshop.observer.observe(wanted, memo or Memo(), NOW)


async def test_a_pod_that_runs_is_asked_what_it_holds(
    workshop: Workshop, server: ApiServer
) -> None:
    await server.put(secret("voice-fleet", **{"admin-token": TOKEN}))
    workshop.world.take(running_pod())

    (found,) = (await seen(workshop, voice())).observed.pods

    assert found.instance is not None
    assert found.instance.sessions == 7


async def test_a_pod_that_does_not_answer_is_seen_without_its_word(
    workshop: Workshop, server: ApiServer, media_pod: MediaPod
) -> None:
    await server.put(secret("voice-fleet", **{"admin-token": "another"}))
    workshop.world.take(running_pod())

    (found,) = (await seen(workshop, voice())).observed.pods

    assert (found.is_running, found.instance) == (True, None)


async def test_without_the_admin_token_no_pod_has_a_door(workshop: Workshop) -> None:
    workshop.world.take(running_pod())

    assert (await seen(workshop, voice())).doors == {}


async def test_secrets_are_seen_by_their_keys_alone(workshop: Workshop, server: ApiServer) -> None:
    await server.put(secret("voice-fleet", secret="s", **{"admin-token": TOKEN}))

    observed = (await seen(workshop, voice())).observed

    assert observed.secrets == {"voice-fleet": frozenset({"secret", "admin-token"})}
    assert TOKEN not in repr(observed)


async def test_a_secret_that_cannot_be_read_now_is_not_taken_for_missing(
    workshop: Workshop, server: ApiServer
) -> None:
    server.fail = {"get": [500]}

    with pytest.raises(ApiFailed):
        await seen(workshop, voice())


async def test_objects_of_the_resource_are_seen(workshop: Workshop) -> None:
    document = config_map("voice-flags")
    document["metadata"] |= {"resourceVersion": "3", "uid": "c-1"}
    workshop.world.take(document)

    observed = (await seen(workshop, voice())).observed

    assert list(observed.objects) == [ObjectKey("ConfigMap", "voice-flags")]


REGISTRY = {"urlSecretRef": {"name": "voice-redis", "key": "url"}}


async def test_without_a_registry_nothing_is_said_of_its_flags(workshop: Workshop) -> None:
    assert (await seen(workshop, voice())).observed.flags is None


async def test_flags_are_read_where_the_registry_is(workshop: Workshop, server: ApiServer) -> None:
    await server.put(secret("voice-redis", url="redis://here"))
    await workshop.observer.flags.publish("calls.voice", "redis://here", 3, "three")

    sight = await seen(workshop, voice(registry=REGISTRY))

    assert sight.observed.flags == Flags(True, "three")
    assert (sight.fleet, sight.redis_url) == ("calls.voice", "redis://here")


async def test_a_registry_whose_secret_is_missing_is_out_of_reach(workshop: Workshop) -> None:
    sight = await seen(workshop, voice(registry=REGISTRY))

    assert sight.observed.flags == Flags(is_reachable=False)


async def test_a_spec_with_faults_leaves_the_registry_of_the_last_good_one(
    workshop: Workshop, server: ApiServer
) -> None:
    await server.put(secret("voice-redis", url="redis://here"))
    good = (
        '{"image": "media:1", "registry": {"urlSecretRef": {"name": "voice-redis", "key": "url"}}}'
    )
    accepted = config_map("voice-accepted", **{"spec.json": good})
    accepted["metadata"] |= {"resourceVersion": "3", "uid": "c-1"}
    workshop.world.take(accepted)

    sight = await seen(workshop, voice(colour="blue"))

    assert sight.redis_url == "redis://here"


async def test_prometheus_is_asked_only_when_a_check_is_due(workshop: Workshop) -> None:
    queries = [{"name": "complaints", "query": "up", "maximum": 1}]
    analysis = {"prometheusUrl": "http://127.0.0.1:1", "queries": queries, "intervalSeconds": 10}
    wanted = voice(rollout={"weight": 50, "analysis": analysis})

    sight = await seen(workshop, wanted, Memo(checked_unix_s=NOW - 5))

    assert sight.observed.answers == {}
    assert sight.observed.memo == Memo(checked_unix_s=NOW - 5)


async def test_a_pod_of_a_predecessor_is_not_seen(workshop: Workshop) -> None:
    workshop.world.take(running_pod())

    sight = await seen(workshop, dataclasses.replace(voice(), uid="u-2"))

    assert sight.observed.pods == ()
