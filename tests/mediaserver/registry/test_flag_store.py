"""The flag document in a real Redis."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from interop.server_process import until
from mediaserver.registry.redis_server import RedisServer, running_redis
from voicemedia_rollout.document import Rollout, read_document, write_document
from voicemedia_server.ports import FlagsUnavailable, RevisionConflict
from voicemedia_server.registry.connection import connect
from voicemedia_server.registry.flag_store import RedisFlagStore

pytestmark = pytest.mark.system

KEY = "voicemedia:{fleet}:flags"


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    async with running_redis() as running:
        yield running


@contextlib.asynccontextmanager
async def a_store(redis: RedisServer, poll_s: float = 5.0) -> AsyncIterator[RedisFlagStore]:
    connection = connect(redis.url)
    yield RedisFlagStore(connection, "fleet", poll_s)
    await connection.close()


@contextlib.asynccontextmanager
async def watching(store: RedisFlagStore) -> AsyncIterator[asyncio.Queue[str]]:
    texts: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(store.watch(texts.put_nowait))
    try:
        yield texts
    finally:
        task.cancel()
        await asyncio.wait([task])


async def revision_of(texts: asyncio.Queue[str], within_s: float = 5) -> int:
    return read_document(await asyncio.wait_for(texts.get(), within_s)).revision


async def until_stored(redis: RedisServer, revision: int) -> None:
    async def is_stored() -> bool:
        return await redis.run("HGET", KEY, "revision") == str(revision)

    await until(is_stored, 10, "the document in Redis")


async def test_what_was_written_is_read_by_all(redis: RedisServer) -> None:
    async with a_store(redis) as first, a_store(redis) as second:
        assert await second.read() is None
        await first.replace(Rollout(weight_percent=5))

        assert await second.read() == write_document(Rollout(weight_percent=5))


async def test_of_two_who_change_the_same_revision_one_is_told(redis: RedisServer) -> None:
    async with a_store(redis) as first, a_store(redis) as second:
        ends = await asyncio.gather(
            first.replace(Rollout(changed_by="anna")),
            second.replace(Rollout(changed_by="bob")),
            return_exceptions=True,
        )

        assert [type(end) for end in ends if end] == [RevisionConflict]


async def test_a_change_is_published_long_before_the_next_poll(redis: RedisServer) -> None:
    async with a_store(redis, poll_s=600) as store, watching(store) as texts:
        await store.replace(Rollout())
        first = await revision_of(texts)
        await store.replace(Rollout(revision=2))

        assert (first, await revision_of(texts, within_s=1)) == (1, 2)


async def test_a_change_that_was_not_published_is_found_by_the_poll(redis: RedisServer) -> None:
    async with a_store(redis, poll_s=0.05) as store, watching(store) as texts:
        document = write_document(Rollout(revision=7))
        await redis.run("HSET", KEY, "revision", "7", "document", document)

        assert await revision_of(texts) == 7


async def test_a_redis_that_forgot_is_given_the_newest_document_again(
    redis: RedisServer,
) -> None:
    async with a_store(redis, poll_s=0.05) as store, watching(store) as texts:
        await store.replace(Rollout())
        await store.replace(Rollout(revision=2, weight_percent=30))
        while await revision_of(texts) != 2:
            pass
        await redis.run("FLUSHALL")
        await until_stored(redis, 2)

        assert await store.read() == write_document(Rollout(revision=2, weight_percent=30))


async def test_a_newer_document_that_came_by_another_way_is_put_into_redis(
    redis: RedisServer,
) -> None:
    async with a_store(redis, poll_s=0.1) as store:
        await store.replace(Rollout(revision=1))
        async with watching(store) as texts:
            assert await revision_of(texts) == 1
            store.know(write_document(Rollout(revision=9)))
            await until_stored(redis, 9)
            store.know(write_document(Rollout(revision=5)))
            await store.replace(Rollout(revision=10))
            await until_stored(redis, 10)


async def test_a_redis_that_was_restarted_is_followed_again(redis: RedisServer) -> None:
    async with a_store(redis, poll_s=0.05) as store, watching(store) as texts:
        await store.replace(Rollout())
        await revision_of(texts)
        await redis.kill()
        with pytest.raises(FlagsUnavailable):
            await store.read()
        await redis.start()
        await until_stored(redis, 1)
        await store.replace(Rollout(revision=2))

        assert await revision_of(texts, within_s=10) == 2


async def test_a_redis_that_says_nothing_is_waited_for_no_longer_than_it_may(
    redis: RedisServer,
) -> None:
    async with a_store(redis) as store:
        await store.read()
        redis.freeze()
        try:
            async with asyncio.timeout(5):
                with pytest.raises(FlagsUnavailable):
                    await store.read()
        finally:
            redis.thaw()
