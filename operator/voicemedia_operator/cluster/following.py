"""Follows a kind of objects: lists them, watches them, and lists anew when the thread was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import structlog

from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.errors import ApiFailed, Expired
from voicemedia_operator.cluster.kinds import Kind
from voicemedia_operator.cluster.mirror import Mirror, ResourceKey, resource_of

log = structlog.get_logger("cluster")

FIRST_WAIT_S = 0.5
LAST_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects: of one namespace, or (`None`) of all, with these labels."""

    kind: Kind
    namespace: str | None = None
    selector: str = ""


@dataclass(slots=True)
class Follower:
    """Keeps a mirror true. `tell` is called with each resource for which there is news."""

    api: Api
    selection: Selection
    mirror: Mirror
    tell: Callable[[ResourceKey], None]
    has_listed: asyncio.Event = field(default_factory=asyncio.Event)
    _heard: str = ""

    async def run(self) -> None:
        """Until cancelled. An API server that is away is asked again, less and less often."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                if not self._heard:
                    await self._list()
                await self._watch()
                wait_s = FIRST_WAIT_S
            except Expired:
                self._heard = ""
            except ApiFailed as failure:
                log.warning("objects cannot be followed", kind=failure.kind, code=failure.code)
                if not _is_passing(failure):
                    self._heard = ""
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, LAST_WAIT_S)

    async def _list(self) -> None:
        wanted = self.selection
        found = await self.api.list(wanted.kind, wanted.namespace, wanted.selector)
        version: str = found["metadata"]["resourceVersion"]
        for resource in self.mirror.replace(found["items"], int(version), wanted.namespace):
            self.tell(resource)
        self._heard = version
        self.has_listed.set()

    async def _watch(self) -> None:
        wanted = self.selection
        watch = self.api.watch(wanted.kind, wanted.namespace, wanted.selector, self._heard)
        async with aclosing(watch) as events:
            async for event in events:
                document = event.document
                is_news = False
                if event.change == "DELETED":
                    is_news = self.mirror.drop(document)
                elif event.change != "BOOKMARK":
                    is_news = self.mirror.take(document)
                if is_news:
                    self.tell(resource_of(document))
                self._heard = document["metadata"]["resourceVersion"]


def _is_passing(failure: ApiFailed) -> bool:
    """The thread may still be there: no answer, or one that says later."""
    return failure.code in ("timeout", "unreachable", "429", "500", "502", "503", "504")
