"""The loop of one resource, and all of them together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from apiserver.documents import config_map, pod, resource, secret
from apiserver.twin import ApiServer
from apiserver.workshops import TIMING, workshop_for
from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.kinds import CONFIG_MAP, VOICE_MEDIA_SERVER, Document
from voicemedia_operator.cluster.mirror import ResourceKey
from voicemedia_operator.loop import Loops, Timing, Workshop
from voicemedia_operator.reconcile.actions import Action, Apply, Plan
from voicemedia_operator.reconcile.observed import Memo, Observed, Resource

VOICE, OTHER = ResourceKey("calls", "voice"), ResourceKey("calls", "other")
TIMEOUT_S = 10.0


@dataclass(slots=True)
class Planner:
    """Plans what the test says, and tells how often it was asked, and about what."""

    actions: Callable[[Resource], tuple[Action, ...]] = lambda _: ()
    again_in_s: int | None = None
    asked: list[tuple[str, str, Memo]] = field(default_factory=list)
    _change: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, wanted: Resource, observed: Observed, now_unix_s: int) -> Plan:
        self.asked.append((wanted.name, wanted.uid, observed.memo))
        self._change.set()
        again = None if self.again_in_s is None else now_unix_s + self.again_in_s
        memo = Memo(checked_unix_s=observed.memo.checked_unix_s + 1)
        return Plan(self.actions(wanted), wanted.status, again_unix_s=again, memo=memo)

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while len(self.asked) < times:
                self._change.clear()
                await self._change.wait()


@pytest.fixture
def planner() -> Planner:
    return Planner()


@asynccontextmanager
async def loops_of(
    api: Api, planner: Planner, timing: Timing = TIMING
) -> AsyncIterator[tuple[Loops, Workshop]]:
    async with workshop_for(api, planner, timing=timing) as workshop, Loops(workshop) as loops:
        try:
            yield loops, workshop
        finally:
            workshop.leave()


async def begin(server: ApiServer, loops: Loops, name: str = "voice") -> Document:
    made = await server.put(resource(name))
    loops.workshop.world.take(made)
    loops.tend(ResourceKey("calls", name))
    return made


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.01)


def looks(workshop: Workshop) -> float:
    """How often resources were looked at."""
    name = "voicemedia_operator_reconciles_total"
    return workshop.metrics.registry.get_sample_value(name, {"result": "done"}) or 0.0


SELDOM = Timing(poll_s=60.0, resync_s=60.0)


async def test_a_resource_is_looked_at_when_it_appears(
    api: Api, server: ApiServer, planner: Planner
) -> None:
    async with loops_of(api, planner, SELDOM) as (loops, _):
        made = await begin(server, loops)
        await planner.until_asked(1)

    assert planner.asked[0][:2] == ("voice", made["metadata"]["uid"])


async def test_news_wake_the_loop(api: Api, server: ApiServer, planner: Planner) -> None:
    async with loops_of(api, planner, SELDOM) as (loops, workshop):
        await begin(server, loops)
        await planner.until_asked(1)

        workshop.bells.ring(VOICE)

        await until(lambda: looks(workshop) >= 2)


async def test_a_resource_without_news_is_looked_at_all_the_same(
    api: Api, server: ApiServer, planner: Planner
) -> None:
    async with loops_of(api, planner, Timing(60.0, 0.05)) as (loops, workshop):
        await begin(server, loops)

        await until(lambda: looks(workshop) >= 3)


async def test_while_there_are_pods_to_ask_they_are_asked_often(
    api: Api, server: ApiServer, planner: Planner
) -> None:
    await server.put(secret("voice-fleet", **{"admin-token": "t" * 43}))
    async with loops_of(api, planner, Timing(0.05, 60.0)) as (loops, workshop):
        made = await begin(server, loops)
        owned = pod("voice-1", ownerReferences=[{"uid": made["metadata"]["uid"]}])
        workshop.world.take(await server.put({**owned, "status": {"podIP": "127.0.0.1"}}))

        await until(lambda: looks(workshop) >= 3)


async def test_what_was_done_is_looked_at_again_soon(
    api: Api, server: ApiServer, planner: Planner
) -> None:
    planner.actions = lambda _: (Apply(config_map("voice-flags")),) * (len(planner.asked) < 2)
    async with loops_of(api, planner, Timing(0.05, 60.0)) as (loops, _):
        await begin(server, loops)

        await planner.until_asked(2)


async def test_a_plan_says_when_it_wants_to_be_made_again(
    api: Api, server: ApiServer, planner: Planner
) -> None:
    planner.again_in_s = 0
    async with loops_of(api, planner, SELDOM) as (loops, _):
        await begin(server, loops)

        await planner.until_asked(3)


async def test_a_world_in_which_nothing_was_to_be_done_is_planned_again_only_when_it_changed(
    api: Api, server: ApiServer, planner: Planner
) -> None:
    async with loops_of(api, planner, Timing(60.0, 0.02)) as (loops, workshop):
        await begin(server, loops)
        await until(lambda: looks(workshop) >= 5)
        before = len(planner.asked)

        workshop.world.take(await server.put(config_map("voice-flags")))

        await planner.until_asked(2)
    assert before == 1


async def test_what_one_plan_leaves_the_next_one_finds(
    api: Api, server: ApiServer, planner: Planner
) -> None:
    planner.again_in_s = 0
    async with loops_of(api, planner, Timing(60.0, 0.02)) as (loops, _):
        await begin(server, loops)
        await planner.until_asked(3)

    assert [memo.checked_unix_s for _, _, memo in planner.asked[:3]] == [0, 1, 2]


async def test_what_is_planned_is_done(api: Api, server: ApiServer, planner: Planner) -> None:
    planner.actions = lambda _: (Apply(config_map("voice-flags")),)
    async with loops_of(api, planner, SELDOM) as (loops, _):
        await begin(server, loops)
        await planner.until_asked(1)

    assert server.objects(CONFIG_MAP)


async def test_the_loop_ends_with_its_resource(
    api: Api, server: ApiServer, planner: Planner
) -> None:
    async with loops_of(api, planner, SELDOM) as (loops, workshop):
        made = await begin(server, loops)
        await planner.until_asked(1)

        workshop.world.drop(VOICE_MEDIA_SERVER, "calls", "voice", made["metadata"]["uid"])
        loops.tend(VOICE)
        await until(lambda: not workshop.pulse.count)

    assert len(planner.asked) == 1


async def test_a_resource_whose_end_was_missed_is_not_kept_for_ever(
    api: Api, server: ApiServer, planner: Planner
) -> None:
    async with loops_of(api, planner, Timing(60.0, 0.05)) as (loops, workshop):
        await begin(server, loops)
        await planner.until_asked(1)

        await server.remove(VOICE_MEDIA_SERVER, "calls", "voice")
        await until(lambda: not workshop.pulse.count)

    assert workshop.world.resource(VOICE) is None


async def test_a_resource_that_takes_the_name_of_another_begins_anew(
    api: Api, server: ApiServer, planner: Planner
) -> None:
    async with loops_of(api, planner, SELDOM) as (loops, _):
        first = await begin(server, loops)
        await planner.until_asked(1)
        await server.remove(VOICE_MEDIA_SERVER, "calls", "voice")

        second = await begin(server, loops)
        await planner.until_asked(2)

    uids = [uid for _, uid, _ in planner.asked]
    assert uids == [first["metadata"]["uid"], second["metadata"]["uid"]]
    assert planner.asked[1][2] == Memo()


async def test_a_plan_that_breaks_is_made_again_and_harms_no_other_resource(
    api: Api, server: ApiServer, planner: Planner
) -> None:
    def actions(wanted: Resource) -> tuple[Action, ...]:
        if wanted.name == "voice" and len(planner.asked) < 3:
            raise RuntimeError("a fault of ours")
        return (Apply(config_map(f"{wanted.name}-flags")),)

    planner.actions = actions
    async with loops_of(api, planner, Timing(60.0, 0.05)) as (loops, _):
        await begin(server, loops)
        await begin(server, loops, "other")
        await until(lambda: len(server.objects(CONFIG_MAP)) == 2)


async def test_what_fails_is_tried_less_and_less_often(
    api: Api, server: ApiServer, planner: Planner
) -> None:
    planner.actions = lambda _: (Apply(config_map("voice-flags")),)
    server.fail = {"apply": [503, 503]}
    began_s = asyncio.get_running_loop().time()
    async with loops_of(api, planner, Timing(60.0, 0.01)) as (loops, _):
        await begin(server, loops)
        await until(lambda: bool(server.objects(CONFIG_MAP)))

    assert asyncio.get_running_loop().time() - began_s > 0.2 + 0.4
    assert server.objects(CONFIG_MAP)


async def test_an_operator_that_leaves_ends_what_it_is_at(
    api: Api, server: ApiServer, planner: Planner
) -> None:
    planner.actions = lambda _: tuple(Apply(config_map(f"voice-{n}")) for n in range(20))
    async with loops_of(api, planner, SELDOM) as (loops, workshop):
        await begin(server, loops)
        await planner.until_asked(1)
        workshop.leave()

    assert len(server.objects(CONFIG_MAP)) == 20


async def test_after_that_no_loop_begins(api: Api, server: ApiServer, planner: Planner) -> None:
    async with loops_of(api, planner) as (loops, workshop):
        workshop.leave()
        await begin(server, loops)

    assert planner.asked == []
