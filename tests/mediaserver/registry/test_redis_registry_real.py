"""The registry keeps its contract on a real redis-server: alone, behind Sentinel, in a cluster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from mediaserver.registry.conftest import Make
from mediaserver.registry.contract import Counted, Fleet, RegistryContract, labels, until
from mediaserver.registry.redis_server import (
    RedisCluster,
    RedisServer,
    running_cluster,
    running_redis,
)
from voicemedia_server.audit import CAPACITY_ENTRIES, AuditEntry, Happening, SessionFacts
from voicemedia_server.registry.connection import connect
from voicemedia_server.registry.redis_registry import PATIENCE_S, RedisRegistry
from voicemedia_server.registry.scripts import NOTE, Keys
from voicemedia_server.registry_port import Operation, Result

pytestmark = pytest.mark.system


def made_with(url: str, counted: Counted) -> Make:
    return lambda membership: RedisRegistry(connect(url), membership, counted)


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    async with running_redis() as server:
        yield server


class TestOneServer(RegistryContract):
    @pytest.fixture
    def make(self, redis: RedisServer, counted: Counted) -> Make:
        return made_with(redis.url, counted)

    async def test_a_frozen_redis_is_given_up_in_time_and_put_right_when_it_thaws(
        self, fleet: Fleet, redis: RedisServer, counted: Counted
    ) -> None:
        one = await fleet.join("one")
        await one.open("ends", "lives")
        redis.freeze()
        try:
            await asyncio.gather(one.registry.end("ends"), one.open("first"), one.open("second"))
            await one.open("third")
            slowest_s = counted.slowest_s
        finally:
            redis.thaw()

        async def is_right() -> bool:
            known = await labels(one)
            return one.registry.is_reachable and known == ["first", "lives", "second", "third"]

        await until(is_right)
        assert slowest_s <= PATIENCE_S

    async def test_a_redis_that_was_killed_is_published_to_when_it_is_back(
        self, fleet: Fleet, redis: RedisServer, counted: Counted
    ) -> None:
        one = await fleet.join("one")
        await one.open("first")
        await redis.kill()
        await one.open("second")

        assert not one.registry.is_reachable
        assert counted.operations[Operation.CLAIM, Result.UNREACHABLE] <= 1

        await redis.start()

        async def is_right() -> bool:
            return one.registry.is_reachable and await labels(one) == ["first", "second"]

        await until(is_right)

    async def test_the_audit_does_not_grow_without_end(
        self, fleet: Fleet, redis: RedisServer
    ) -> None:
        one = await fleet.join("one")
        entry = AuditEntry(Happening.OPENED, "one", 1.0, SessionFacts("label")).encode()
        keys = Keys("test").all

        for _ in range(3):
            entries = [entry] * (CAPACITY_ENTRIES // 2)
            await redis.run("EVAL", NOTE, str(len(keys)), *keys, *entries)

        kept = await redis.run("XLEN", "voicemedia:{test}:audit")
        assert isinstance(kept, int)
        assert CAPACITY_ENTRIES <= kept < CAPACITY_ENTRIES * 1.1
        assert len(await one.registry.audit(limit=1000)) == 1000


class TestBehindSentinel(RegistryContract):
    @pytest.fixture
    async def make(
        self, redis: RedisServer, counted: Counted, tmp_path: Path
    ) -> AsyncIterator[Make]:
        config = tmp_path / "sentinel.conf"
        config.write_text(f"sentinel monitor calls 127.0.0.1 {redis.port} 1\n")
        sentinel = RedisServer(str(tmp_path), "--sentinel")
        sentinel.config = str(config)
        await sentinel.start()
        try:
            url = f"redis+sentinel://127.0.0.1:{sentinel.port}/calls"
            yield made_with(url, counted)
        finally:
            await sentinel.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster() -> AsyncIterator[RedisCluster]:
    """Three primaries; forming it takes two seconds, so all tests share it."""
    async with running_cluster() as formed:
        yield formed


class TestCluster(RegistryContract):
    @pytest.fixture
    async def make(self, cluster: RedisCluster, counted: Counted) -> Make:
        for node in cluster.nodes:
            await node.run("FLUSHALL")
        return made_with(cluster.url, counted)

    async def test_a_fleet_lives_on_one_node(self, fleet: Fleet, cluster: RedisCluster) -> None:
        one = await fleet.join("one")
        await one.open("label")

        holder = await cluster.holder("voicemedia:{test}:sessions")

        keys = {node.port: len(list_of(await node.run("KEYS", "*"))) for node in cluster.nodes}
        assert [port for port, count in keys.items() if count] == [holder.port]

    async def test_fleets_are_spread_over_the_nodes(
        self, make: Make, cluster: RedisCluster
    ) -> None:
        fleets = [Fleet(of_fleet(make, f"fleet-{number}")) for number in range(9)]
        for made in fleets:
            await (await made.join("one")).open("label")

        busy = [node for node in cluster.nodes if list_of(await node.run("KEYS", "*"))]

        assert busy == cluster.primaries
        for made in fleets:
            await made.close()

    async def test_a_node_that_freezes_is_given_up_in_time_and_put_right_when_it_thaws(
        self, fleet: Fleet, cluster: RedisCluster, counted: Counted
    ) -> None:
        one = await fleet.join("one")
        await one.open("lives")
        holder = await cluster.holder("voicemedia:{test}:sessions")
        holder.freeze()
        try:
            await one.open("meanwhile")
            slowest_s = counted.slowest_s
        finally:
            holder.thaw()

        async def is_right() -> bool:
            return one.registry.is_reachable and await labels(one) == ["lives", "meanwhile"]

        await until(is_right)
        assert slowest_s <= PATIENCE_S


async def test_a_node_that_is_killed_is_replaced_by_its_replica(counted: Counted) -> None:
    async with running_cluster() as cluster:
        fleet = Fleet(made_with(cluster.url, counted))
        one = await fleet.join("one")
        await one.open("lives")
        holder = await cluster.holder("voicemedia:{test}:sessions")
        await cluster.let_the_spare_follow(holder)

        await holder.kill()
        began_s = time.monotonic()
        await one.open("meanwhile")

        async def is_right() -> bool:
            return one.registry.is_reachable and await labels(one) == ["lives", "meanwhile"]

        await until(is_right)
        print(f"right again {time.monotonic() - began_s:.2f} s after the node was killed")
        assert len(list_of(await cluster.spare.run("HKEYS", "voicemedia:{test}:sessions"))) == 2
        await fleet.close()


def of_fleet(make: Make, name: str) -> Make:
    return lambda membership: make(replace(membership, fleet=name))


def list_of(answer: object) -> list[object]:
    assert isinstance(answer, list)
    return answer
