"""Requests to the API server, and what becomes of them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from apiserver.documents import config_map, pod, resource
from apiserver.twin import ApiServer, Calls, api_of
from voicemedia_operator.cluster.api import Api, WatchEvent
from voicemedia_operator.cluster.errors import (
    ApiRefused,
    ApiUnreachable,
    Conflict,
    Expired,
    NotFound,
)
from voicemedia_operator.cluster.kinds import (
    CONFIG_MAP,
    HTTP_ROUTE,
    POD,
    SERVICE,
    VOICE_MEDIA_SERVER,
)
from voicemedia_operator.spec.voice_media_server import API_VERSION, KIND

MINE = "voicemedia-operator"


async def test_a_created_object_is_returned_as_the_server_has_it(
    api: Api, server: ApiServer
) -> None:
    made = await api.create(pod("voice-1"))

    assert made == server.get(POD, "calls", "voice-1")
    assert made["metadata"]["uid"]


async def test_what_exists_already_is_not_created_again(api: Api) -> None:
    await api.create(pod("voice-1"))

    with pytest.raises(Conflict):
        await api.create(pod("voice-1"))


async def test_what_is_listed_says_its_kind(api: Api) -> None:
    await api.create(pod("voice-1"))
    await api.create(pod("other-1", resource="other"))

    found = await api.list(POD, "calls", "voicemedia.dev/resource=voice")

    assert [(item["kind"], item["metadata"]["name"]) for item in found["items"]] == [
        ("Pod", "voice-1")
    ]


async def test_applying_twice_changes_nothing(api: Api) -> None:
    first = await api.apply(config_map("voice-flags", flags="{}"), MINE)

    assert await api.apply(config_map("voice-flags", flags="{}"), MINE) == first


async def test_a_field_that_is_no_longer_applied_is_removed(api: Api, server: ApiServer) -> None:
    await api.apply(config_map("voice-flags", flags="{}", more="x"), MINE)

    await api.apply(config_map("voice-flags", flags="{}"), MINE)

    assert server.get(CONFIG_MAP, "calls", "voice-flags")["data"] == {"flags": "{}"}


async def test_status_is_applied_beside_the_spec(api: Api, server: ApiServer) -> None:
    await server.put(resource("voice"))
    status = {"apiVersion": API_VERSION, "kind": KIND, "status": {"phase": "Ready"}}
    named = {"metadata": {"name": "voice", "namespace": "calls"}}

    await api.apply({**status, **named}, MINE, "status")

    found = server.get(VOICE_MEDIA_SERVER, "calls", "voice")
    assert (found["status"], found["spec"]["image"]) == ({"phase": "Ready"}, "voicemedia-media:1")


async def test_another_object_under_the_same_name_is_not_deleted(
    api: Api, server: ApiServer
) -> None:
    await api.create(pod("voice-1"))

    with pytest.raises(Conflict):
        await api.delete(POD, "calls", "voice-1", uid="of-its-predecessor")

    assert server.objects(POD)


async def test_an_object_is_deleted_by_its_uid(api: Api, server: ApiServer) -> None:
    made = await api.create(pod("voice-1"))

    await api.delete(POD, "calls", "voice-1", made["metadata"]["uid"])

    assert server.objects(POD) == []


async def test_labels_are_merged_into_those_that_are_there(api: Api, server: ApiServer) -> None:
    made = await api.create(pod("voice-1"))
    metadata = {"uid": made["metadata"]["uid"], "labels": {"colour": "blue"}}

    await api.merge(POD, "calls", "voice-1", {"metadata": metadata})

    labels = server.get(POD, "calls", "voice-1")["metadata"]["labels"]
    assert labels == made["metadata"]["labels"] | {"colour": "blue"}


async def test_another_object_under_the_same_name_is_not_marked(api: Api) -> None:
    await api.create(pod("voice-1"))

    with pytest.raises(Conflict):
        await api.merge(POD, "calls", "voice-1", {"metadata": {"uid": "of-its-predecessor"}})


async def test_an_object_that_changed_meanwhile_is_not_replaced(api: Api) -> None:
    old = await api.create(config_map("voice-flags", flags="1"))
    await api.replace({**old, "data": {"flags": "2"}})

    with pytest.raises(Conflict):
        await api.replace({**old, "data": {"flags": "3"}})


async def test_a_kind_that_the_cluster_lacks_is_not_served(api: Api, server: ApiServer) -> None:
    server.missing = {HTTP_ROUTE}

    assert await api.serves(SERVICE)
    assert not await api.serves(HTTP_ROUTE)


async def test_every_request_is_counted_by_verb_and_code(
    api: Api, server: ApiServer, calls: Calls
) -> None:
    server.fail = {"get": [500, 429]}
    for _ in range(3):
        with pytest.raises(ApiRefused):
            await api.get(POD, "calls", "voice-1")

    assert calls.counts == {("get", "500"): 1, ("get", "429"): 1, ("get", "404"): 1}


async def test_what_does_not_exist_is_not_found(api: Api) -> None:
    with pytest.raises(NotFound, match="get Pod: 404 there is none"):
        await api.get(POD, "calls", "voice-1")


async def test_a_server_that_is_silent_is_given_up_at_the_deadline(
    api: Api, server: ApiServer, calls: Calls
) -> None:
    server.is_silent = True

    async with asyncio.timeout(10):
        with pytest.raises(ApiUnreachable):
            await api.get(POD, "calls", "voice-1")

    assert calls.counts == {("get", "timeout"): 1}


async def test_a_server_that_is_away_is_unreachable(server: ApiServer, calls: Calls) -> None:
    server.port = 1
    async with api_of(server, calls) as lost:
        with pytest.raises(ApiUnreachable):
            await lost.get(POD, "calls", "voice-1")

    assert calls.counts == {("get", "unreachable"): 1}


async def next_of(api: Api, since: str) -> WatchEvent:
    async with aclosing(api.watch(POD, "calls", "", since)) as events:
        return await anext(events)


async def test_a_watch_tells_what_happened_since(api: Api) -> None:
    since = (await api.create(pod("voice-1")))["metadata"]["resourceVersion"]
    made = await api.create(pod("voice-2"))

    event = await next_of(api, since)

    assert (event.change, event.document) == ("ADDED", made)


async def test_a_watch_from_too_long_ago_is_refused(api: Api, server: ApiServer) -> None:
    await server.forget_history()

    with pytest.raises(Expired):
        await next_of(api, "1")
