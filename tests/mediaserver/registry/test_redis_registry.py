"""The registry in Redis keeps the contract, on fakeredis; and what only a Redis can do to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from mediaserver.registry.conftest import Make
from mediaserver.registry.contract import (
    STATE,
    Counted,
    Fleet,
    RegistryContract,
    a_record,
    labels,
    told,
    until,
)
from voicemedia_server.audit import Happening, SessionFacts
from voicemedia_server.registry.connection import Connection
from voicemedia_server.registry.membership import Membership
from voicemedia_server.registry.redis_registry import RedisRegistry
from voicemedia_server.registry_port import FleetFull, Operation, Result


@pytest.fixture
def redis() -> FakeServer:
    return FakeServer(version=(7,))


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def make(redis: FakeServer, counted: Counted) -> Callable[[Membership], RedisRegistry]:
    return lambda membership: RedisRegistry(
        Connection(FakeAsyncRedis(server=redis, decode_responses=True)), membership, counted
    )


class TestFakeRedis(RegistryContract):
    pass


def alone(make: Make) -> RedisRegistry:
    registry = make(Membership("test", "one", max_sessions=1))
    assert isinstance(registry, RedisRegistry)
    return registry


async def test_before_it_has_joined_places_are_given_without_asking(
    make: Make, counted: Counted
) -> None:
    registry = alone(make)

    await registry.claim(a_record("first"))
    await registry.claim(a_record("second"))

    assert counted.operations == {}
    assert not registry.is_reachable
    assert len(await registry.sessions()) == 2
    await registry.leave()


async def test_nobody_waits_for_a_redis_that_is_down(
    fleet: Fleet, redis: FakeServer, counted: Counted
) -> None:
    one = await fleet.join("one")
    await one.open("before")
    redis.connected = False
    await one.open("notices")
    counted.operations.clear()

    await one.open("after")
    await one.registry.end("before")

    assert not one.registry.is_reachable
    assert not counted.is_reachable
    assert (Operation.CLAIM, Result.UNREACHABLE) not in counted.operations
    assert await labels(one) == ["after", "notices"]
    assert await one.registry.instances() == ()
    assert not await one.registry.ask_to_end("after")
    assert await one.registry.choose(lambda: 0.0) is None


async def test_a_redis_that_comes_back_is_told_what_happened_meanwhile(
    fleet: Fleet, redis: FakeServer
) -> None:
    one, two = await fleet.join("one"), await fleet.join("two")
    await one.open("ends", "lives")
    redis.connected = False
    await one.open("new")
    await one.registry.end("ends")

    redis.connected = True

    async def is_right() -> bool:
        return two.registry.is_reachable and await labels(two) == ["lives", "new"]

    await until(is_right)


async def test_a_directory_that_lost_everything_is_filled_again(
    fleet: Fleet, redis: FakeServer
) -> None:
    one, two = await fleet.join("one"), await fleet.join("two")
    await one.open("first")
    await two.open("second")

    async with FakeAsyncRedis(server=redis) as client:
        await client.flushall()

    async def is_right() -> bool:
        known = [record.id for record in await one.registry.instances()]
        return await labels(one) == ["first", "second"] and known == ["one", "two"]

    await until(is_right)


async def test_a_directory_that_lost_one_session_is_put_right(
    fleet: Fleet, redis: FakeServer
) -> None:
    one = await fleet.join("one")
    await one.open("first", "second")

    async with FakeAsyncRedis(server=redis) as client:
        await client.hdel("voicemedia:{test}:sessions", "first")

    async def is_right() -> bool:
        return one.registry.is_reachable and await labels(one) == ["first", "second"]

    await until(is_right)


async def test_each_time_it_publishes_itself_under_a_higher_epoch(
    fleet: Fleet, redis: FakeServer
) -> None:
    one = await fleet.join("one")
    (before,) = await one.registry.instances()

    async with FakeAsyncRedis(server=redis) as client:
        await client.flushall()

    async def has_come_back() -> bool:
        found = await one.registry.instances()
        return bool(found) and found[0].epoch > before.epoch

    await until(has_come_back)


async def test_what_happens_while_redis_is_away_is_told_when_it_is_back(
    fleet: Fleet, redis: FakeServer
) -> None:
    one = await fleet.join("one")
    redis.connected = False
    await one.open("notices")
    one.registry.note(Happening.OPENED, SessionFacts("meanwhile"))
    assert await one.registry.audit() == ()

    redis.connected = True
    await told(one, Happening.PUBLISHED)

    found = [noted.entry for noted in await one.registry.audit()]
    assert [entry.happening for entry in found] == [
        *(Happening.JOINED, Happening.OPENED, Happening.PUBLISHED)
    ]
    assert (found[2].epoch or 0) > (found[0].epoch or 0)


async def test_what_is_refused_is_counted_and_holds_no_place(
    limited: Fleet, counted: Counted
) -> None:
    one = await limited.join("one")
    await one.open("first", "second")

    with pytest.raises(FleetFull):
        await one.open("third")

    assert counted.operations[Operation.CLAIM, Result.FULL] == 1
    assert counted.operations[Operation.CLAIM, Result.DONE] == 2
    assert await labels(one) == ["first", "second"]


async def test_fleets_of_one_redis_do_not_see_each_other(make: Make) -> None:
    mine = Fleet(make)
    theirs = Fleet(lambda membership: make(replace(membership, fleet="another")))
    one, other = await mine.join("same"), await theirs.join("same")
    await one.open("label")

    assert await labels(one) == ["label"]
    assert await labels(other) == []
    await mine.close()
    await theirs.close()


class DeafRedis(FakeAsyncRedis):
    """One that swallows a cancellation and answers, as redis-py does at times."""

    is_asked: asyncio.Event

    async def eval(self, *words: object) -> object:
        with contextlib.suppress(asyncio.CancelledError):
            self.is_asked.set()
            await asyncio.Event().wait()
        return ["done"]


async def test_a_cancellation_that_redis_swallows_ends_the_keeping(
    redis: FakeServer, counted: Counted
) -> None:
    client = DeafRedis(server=redis, decode_responses=True)
    client.is_asked = asyncio.Event()
    registry = RedisRegistry(Connection(client), Membership("test", "one"), counted)
    keeping = asyncio.create_task(registry.keep(lambda: STATE, lambda label: None))
    await client.is_asked.wait()

    keeping.cancel()

    with pytest.raises(asyncio.CancelledError):
        await keeping
    await registry.leave()
