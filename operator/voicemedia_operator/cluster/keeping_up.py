"""Keeps a whole world true: a follower for each kind and namespace, kinds that come later too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

import structlog

from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.errors import ApiFailed
from voicemedia_operator.cluster.following import Follower, Selection
from voicemedia_operator.cluster.kinds import NODE, OPTIONAL, OWNED, Kind
from voicemedia_operator.cluster.mirror import ResourceKey
from voicemedia_operator.cluster.world import World
from voicemedia_operator.reconcile.names import OPERATOR, Label

log = structlog.get_logger("cluster")

OURS = f"{Label.MANAGED_BY}={OPERATOR}"
DISCOVER_S = 300.0
"""Kinds are installed seldom."""


class WorldKeeper:
    """`namespaces`: empty for all. `tell` is called with each resource for which there is news,
    `tell_all` when there is news for all of them."""

    def __init__(
        self,
        api: Api,
        world: World,
        namespaces: Sequence[str],
        tell: Callable[[ResourceKey], None],
        tell_all: Callable[[], None],
    ) -> None:
        self._api = api
        self._world = world
        self._namespaces = namespaces or (None,)
        self._tell = tell
        self._tell_all = tell_all
        self._node_names: frozenset[str] | None = None
        self.is_complete = asyncio.Event()

    async def run(self, *, with_nodes: bool) -> None:
        """Until cancelled. `is_complete` is set once all that every cluster has was listed."""
        async with asyncio.TaskGroup() as tasks:
            owned = [each for kind in OWNED for each in self._followers(kind)]
            for follower in owned:
                tasks.create_task(follower.run())
            if with_nodes:
                tasks.create_task(self._follow_nodes())
            optional = await self._discover(tasks)
            for follower in (*owned, *optional):
                await follower.has_listed.wait()
            self.is_complete.set()
            while True:
                await asyncio.sleep(DISCOVER_S)
                await self._discover(tasks)

    def _followers(self, kind: Kind) -> Iterator[Follower]:
        for namespace in self._namespaces:
            selection = Selection(kind, namespace, OURS)
            yield Follower(self._api, selection, self._world.mirrors[kind], self._tell)

    async def _discover(self, tasks: asyncio.TaskGroup) -> list[Follower]:
        """Kinds that some clusters have, and this one now, too."""
        found = []
        for kind in OPTIONAL:
            if kind.name in self._world.optional:
                continue
            try:
                if not await self._api.serves(kind):
                    continue
            except ApiFailed as failure:
                log.warning("kinds cannot be discovered", kind=kind.name, code=failure.code)
                continue
            self._world.optional |= {kind.name}
            for follower in self._followers(kind):
                tasks.create_task(follower.run())
                found.append(follower)
        if found:
            self._tell_all()
        return found

    async def _follow_nodes(self) -> None:
        """Where we may not, nothing is known of nodes, and nothing waits for it."""
        follower = Follower(
            self._api, Selection(NODE), self._world.mirrors[NODE], lambda _: self._node_news()
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(follower.run())
            await follower.has_listed.wait()
            self._world.knows_nodes = True
            self._node_news()

    def _node_news(self) -> None:
        """Nodes often change in ways that are nothing to us; that one came or went is."""
        names = self._world.nodes()
        if names != self._node_names:
            self._node_names = names
            self._tell_all()
