"""A whole world that is kept true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from apiserver.documents import config_map, pod
from apiserver.twin import ApiServer
from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.keeping_up import WorldKeeper
from voicemedia_operator.cluster.kinds import NODE, OPTIONAL, Document
from voicemedia_operator.cluster.mirror import ResourceKey
from voicemedia_operator.cluster.world import World
from voicemedia_operator.reconcile.observed import ObjectKey

TIMEOUT_S = 10.0
VOICE = ResourceKey("calls", "voice")


class Ears:
    """Hear of news."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[ResourceKey | None] = asyncio.Queue(1000)

    def one(self, key: ResourceKey) -> None:
        self.told.put_nowait(key)

    def all(self) -> None:
        self.told.put_nowait(None)

    async def hear(self) -> ResourceKey | None:
        return await asyncio.wait_for(self.told.get(), TIMEOUT_S)


@asynccontextmanager
async def kept(
    api: Api, world: World, ears: Ears, namespaces: Sequence[str] = (), with_nodes: bool = False
) -> AsyncIterator[None]:
    keeper = WorldKeeper(api, world, namespaces, ears.one, ears.all)
    task = asyncio.create_task(keeper.run(with_nodes=with_nodes))
    await asyncio.wait_for(keeper.is_complete.wait(), TIMEOUT_S)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def node(name: str) -> Document:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def world() -> World:
    return World()


async def test_all_that_is_there_is_known_before_anybody_plans(
    api: Api, server: ApiServer, world: World, ears: Ears
) -> None:
    await server.put(config_map("voice-flags"))

    async with kept(api, world, ears):
        assert list(world.objects(VOICE)) == [ObjectKey("ConfigMap", "voice-flags")]


async def test_only_the_given_namespaces_are_looked_at(
    api: Api, server: ApiServer, world: World, ears: Ears
) -> None:
    await server.put(config_map("voice-flags"))

    async with kept(api, world, ears, namespaces=("elsewhere", "others")):
        assert world.objects(VOICE) == {}


async def test_kinds_that_the_cluster_lacks_are_not_waited_for(
    api: Api, server: ApiServer, world: World, ears: Ears
) -> None:
    server.missing = {OPTIONAL[0]}

    async with kept(api, world, ears):
        assert world.optional == {kind.name for kind in OPTIONAL[1:]}


async def test_news_of_an_object_are_news_of_its_resource(
    api: Api, server: ApiServer, world: World, ears: Ears
) -> None:
    server.missing = set(OPTIONAL)
    async with kept(api, world, ears):
        await server.put(pod("voice-1"))

        assert await ears.hear() == VOICE


async def test_that_a_node_came_or_went_is_news_for_all(
    api: Api, server: ApiServer, world: World, ears: Ears
) -> None:
    server.missing = set(OPTIONAL)
    async with kept(api, world, ears, with_nodes=True):
        await ears.hear()
        await server.put(node("node1"))
        await ears.hear()
        came = world.nodes()
        await server.remove(NODE, "", "node1")
        await ears.hear()

        assert (came, world.nodes()) == (frozenset({"node1"}), frozenset())


async def test_nodes_that_we_may_not_see_hold_nobody_up(
    api: Api, server: ApiServer, world: World, ears: Ears
) -> None:
    server.missing = {NODE}

    async with kept(api, world, ears, with_nodes=True):
        assert world.nodes() is None
