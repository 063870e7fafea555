"""A mirror that is kept true, whatever happens to lists and watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from apiserver.documents import MANAGED, pod
from apiserver.twin import ApiServer
from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.following import Follower, Selection
from voicemedia_operator.cluster.kinds import POD
from voicemedia_operator.cluster.mirror import Mirror, ResourceKey

VOICE = ResourceKey("calls", "voice")
TIMEOUT_S = 10.0


class Listener:
    """Is told of resources, and waits for what they come to."""

    def __init__(self) -> None:
        self.told: list[ResourceKey] = []
        self.rings = asyncio.Event()

    def __call__(self, resource: ResourceKey) -> None:
        self.told.append(resource)
        self.rings.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while not condition():
                await self.rings.wait()
                self.rings.clear()


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def follower(api: Api, listener: Listener) -> AsyncIterator[Follower]:
    """Running."""
    selector = ",".join(f"{key}={value}" for key, value in MANAGED.items())
    follower = Follower(api, Selection(POD, "calls", selector), Mirror(), listener)
    task = asyncio.create_task(follower.run())
    yield follower
    task.cancel()
    await asyncio.wait([task])


def names(follower: Follower) -> list[str]:
    return [found["metadata"]["name"] for found in follower.mirror.of(VOICE)]


async def test_what_is_there_already_is_listed(
    server: ApiServer, follower: Follower, listener: Listener
) -> None:
    await server.put(pod("voice-1"))

    await listener.until(lambda: names(follower) == ["voice-1"])


async def test_changes_are_heard_as_they_come(
    server: ApiServer, follower: Follower, listener: Listener
) -> None:
    await asyncio.wait_for(follower.has_listed.wait(), TIMEOUT_S)

    await server.put(pod("voice-1"))
    await listener.until(lambda: names(follower) == ["voice-1"])
    await server.remove(POD, "calls", "voice-1")
    await listener.until(lambda: names(follower) == [])

    assert set(listener.told) == {VOICE}


async def test_what_was_missed_while_the_thread_was_lost_is_found_by_a_new_list(
    server: ApiServer, follower: Follower, listener: Listener
) -> None:
    await server.put(pod("voice-1"))
    await server.put(pod("voice-2"))
    await listener.until(lambda: len(names(follower)) == 2)

    server.fail["watch"] = [410]
    await server.forget_history()
    await server.remove(POD, "calls", "voice-1")

    await listener.until(lambda: names(follower) == ["voice-2"])


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_server_that_fails_is_asked_again(
    server: ApiServer, api: Api, listener: Listener, status: int
) -> None:
    server.fail = {"list": [status], "watch": [status]}
    follower = Follower(api, Selection(POD), Mirror(), listener)
    task = asyncio.create_task(follower.run())

    await server.put(pod("voice-1"))
    await listener.until(lambda: names(follower) == ["voice-1"])
    await server.put(pod("voice-2"))
    await listener.until(lambda: names(follower) == ["voice-1", "voice-2"])

    task.cancel()
    await asyncio.wait([task])


async def test_objects_of_others_are_passed_over(
    server: ApiServer, follower: Follower, listener: Listener
) -> None:
    foreign = pod("foreign")
    foreign["metadata"]["labels"] = {}

    await server.put(foreign)
    await server.put(pod("voice-1"))
    await listener.until(lambda: names(follower) == ["voice-1"])

    assert [found["metadata"]["name"] for found in follower.mirror.all()] == ["voice-1"]
