"""The loop of one resource: look, plan, act; again when something happened, or time has come.

It goes by levels: what woke it is not asked, and all that is there is looked at each time. What
fails is looked at again, less and less often, and never stands in the way of another resource.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any, Self

import structlog

from voicemedia_operator.acting import Actor, Failures
from voicemedia_operator.bells import Bells
from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.errors import ApiFailed, NotFound
from voicemedia_operator.cluster.kinds import VOICE_MEDIA_SERVER, Document
from voicemedia_operator.cluster.mirror import ResourceKey
from voicemedia_operator.cluster.world import World
from voicemedia_operator.observing import Observer
from voicemedia_operator.reconcile.actions import Plan
from voicemedia_operator.reconcile.observed import Memo, Observed, Resource
from voicemedia_operator.reconcile.reading import read_resource
from voicemedia_operator.telemetry.metrics import LoopResult, Metrics
from voicemedia_operator.telemetry.pulse import Pulse

log = structlog.get_logger("loop")

FIRST_BACKOFF_S = 0.2
LAST_BACKOFF_S = 30.0
DEAF_S = 5.0
"""Longest time for which a resource that fails hears of no news."""
AT_A_TIME = 64
"""Resources that are looked at at once: enough for a fast start, too few to smother the API."""

Planner = Callable[[Resource, Observed, int], Plan]


@dataclass(frozen=True, slots=True)
class Timing:
    """In seconds: between two looks at pods, and at a resource of which nothing is heard."""

    poll_s: float
    resync_s: float


@dataclass(slots=True)
class Workshop:
    """What all loops of a process share."""

    api: Api
    world: World
    observer: Observer
    actor: Actor
    planner: Planner
    timing: Timing
    metrics: Metrics
    pulse: Pulse
    bells: Bells = field(default_factory=Bells)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_A_TIME))
    leaving: asyncio.Event = field(default_factory=asyncio.Event)

    def leave(self) -> None:
        """Loops end after what they are at."""
        self.leaving.set()
        self.bells.ring_all()


class Loops:
    """All of a process; `async with` waits for their ends."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self._tasks = asyncio.TaskGroup()
        self._tended: set[ResourceKey] = set()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *failure: Any) -> None:
        await self._tasks.__aexit__(*failure)

    def tend(self, key: ResourceKey) -> None:
        """Begins the loop of a resource, or wakes it."""
        workshop = self.workshop
        if key in self._tended:
            workshop.bells.ring(key)
        elif not workshop.leaving.is_set():
            self._tended.add(key)
            workshop.bells.hang(key)
            self._tasks.create_task(self._tend(key))

    async def _tend(self, key: ResourceKey) -> None:
        """One after the other of the same name."""
        structlog.contextvars.bind_contextvars(resource=str(key))
        workshop = self.workshop
        try:
            while not workshop.leaving.is_set() and (found := workshop.world.resource(key)):
                await Loop(workshop, key, found["metadata"]["uid"]).run()
        finally:
            workshop.pulse.end(str(key))
            workshop.bells.take_down(key)
            self._tended.discard(key)


class Loop:
    """Of one resource, as long as that is there."""

    def __init__(self, workshop: Workshop, key: ResourceKey, uid: str) -> None:
        self._workshop = workshop
        self._key = key
        self._uid = uid
        self._memo = Memo()
        self._backoff_s = 0.0
        self._read_s = time.monotonic()
        self._settled: tuple[Resource, Observed] | None = None
        """A world in which nothing was to be done: planning it again before it is due gives
        nothing either."""
        self._due_unix_s = 0.0
        self._is_moving = False
        self._is_heavy = False

    async def run(self) -> None:
        """Until the resource is gone, or the operator leaves."""
        bell = self._workshop.bells.of(self._key)
        while self._goes_on():
            self._workshop.pulse.beat(str(self._key), time.monotonic())
            waited_s = await bell.wait(self._pause_s())
            if self._goes_on():
                await self._look_once(waited_s)
                await self._rest()

    def _goes_on(self) -> bool:
        return not self._workshop.leaving.is_set() and self._document() is not None

    def _document(self) -> Document | None:
        """The resource as it is known, if it still is the one that this loop began for."""
        document = self._workshop.world.resource(self._key)
        if document is None or document["metadata"]["uid"] != self._uid:
            return None
        return document

    async def _look_once(self, waited_s: float) -> None:
        async with self._workshop.turns:
            self._workshop.metrics.waited(waited_s)
            began_s = time.monotonic()
            try:
                failures = await self._look()
            except ApiFailed as failure:
                log.warning("a look failed", why=str(failure))
                failures = Failures(1, is_heavy=True)
            except Exception:  # the task's root
                log.exception("a look broke; what is there stays as it is")
                failures = Failures(1, is_heavy=True)
            self._note(failures, time.monotonic() - began_s)

    async def _look(self) -> Failures:
        await self._read_anew()
        document = self._document()
        if document is None:
            return Failures()
        workshop, now_unix_s = self._workshop, int(time.time())
        resource = read_resource(document)
        sight = await workshop.observer.observe(resource, self._memo, now_unix_s)
        seen = (resource, dataclasses.replace(sight.observed, memo=Memo()))
        if seen == self._settled and now_unix_s < self._due_unix_s:
            return Failures()
        plan = workshop.planner(resource, sight.observed, now_unix_s)
        self._memo = plan.memo
        self._settled = None if plan.actions or plan.status != resource.status else seen
        self._due_unix_s = inf if plan.again_unix_s is None else plan.again_unix_s
        self._is_moving = bool(sight.doors or plan.actions)
        return await workshop.actor.act(resource, sight, plan)

    async def _read_anew(self) -> None:
        """Now and then, so that a resource of whose end nothing was heard is not kept for ever."""
        now_s = time.monotonic()
        if now_s - self._read_s < self._workshop.timing.resync_s:
            return
        try:
            found = await self._workshop.api.get(
                VOICE_MEDIA_SERVER, self._key.namespace, self._key.name
            )
            self._workshop.world.take(found)
        except NotFound:
            self._workshop.world.drop(
                VOICE_MEDIA_SERVER, self._key.namespace, self._key.name, self._uid
            )
        self._read_s = now_s

    def _pause_s(self) -> float:
        """Until the next look, if nothing is heard. Own writes wake nobody, so what they did is
        looked at as pods are; while the API server has no time it is asked less often."""
        if self._is_heavy:
            return self._backoff_s
        timing = self._workshop.timing
        pause_s = timing.poll_s if self._is_moving else timing.resync_s
        return min(pause_s, max(0.0, self._due_unix_s - time.time()))

    def _note(self, failures: Failures, duration_s: float) -> None:
        self._is_heavy = failures.is_heavy
        result = LoopResult.FAILED if failures.count else LoopResult.DONE
        self._workshop.metrics.reconciled(result, duration_s, time.time())
        if not failures.count:
            self._backoff_s = 0.0
            return
        self._backoff_s = min(max(FIRST_BACKOFF_S, 2 * self._backoff_s), LAST_BACKOFF_S)

    async def _rest(self) -> None:
        """After a failure news are not heard for a while: they would only fail, too."""
        if self._backoff_s:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(self._backoff_s, DEAF_S)):
                    await self._workshop.leaving.wait()
