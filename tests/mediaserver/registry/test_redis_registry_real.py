"""The registry keeps its contract on a real redis-server: alone, behind Sentinel, in a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mediaserver.registry.conftest import Make
from mediaserver.registry.contract import Counted, Fleet, RegistryContract, labels, until
from mediaserver.registry.redis_server import RedisServer, running_redis
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


class TestCluster(RegistryContract):
    @pytest.fixture
    async def make(self, counted: Counted) -> AsyncIterator[Make]:
        async with running_redis("--cluster-enabled", "yes") as first:
            await first.run("CLUSTER", "ADDSLOTSRANGE", "0", "16383")

            async def is_whole() -> bool:
                return "cluster_state:ok" in str(await first.run("CLUSTER", "INFO"))

            await until(is_whole)
            yield made_with(f"redis+cluster://127.0.0.1:{first.port}", counted)
