"""What the operator and a media server agreed on in Redis: the flag document, its key, its channel,
and how its address is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from voicemedia_operator.fleet import redis_url as operator_url
from voicemedia_operator.fleet.redis_flags import RedisFlags
from voicemedia_operator.reconcile.observed import Flags
from voicemedia_rollout.document import Rollout, read_document, write_document
from voicemedia_server.registry import connection as server_url
from voicemedia_server.registry.flag_store import RedisFlagStore

FLEET = "calls.voice"
TIMEOUT_S = 10.0


@pytest.fixture
def redis() -> FakeServer:
    return FakeServer()


@pytest.fixture
async def operator(redis: FakeServer) -> AsyncIterator[RedisFlags]:
    """The writer."""

    def connect(url: str) -> operator_url.Connection:
        return operator_url.Connection(FakeAsyncRedis(server=redis, decode_responses=True))

    flags = RedisFlags(connect)
    yield flags
    await flags.close()


@pytest.fixture
async def store(redis: FakeServer) -> AsyncIterator[RedisFlagStore]:
    """The reader, in a media server of the same fleet."""
    client = FakeAsyncRedis(server=redis, decode_responses=True)
    made = RedisFlagStore(server_url.Connection(client), FLEET)
    yield made
    await made.close()


async def publish(operator: RedisFlags, revision: int, weight_percent: float = 25.0) -> None:
    rollout = Rollout(revision=revision, weight_percent=weight_percent)
    await operator.publish(FLEET, "redis://here", revision, write_document(rollout))


async def test_a_server_reads_what_the_operator_published(
    operator: RedisFlags, store: RedisFlagStore
) -> None:
    await publish(operator, 3)

    text = await store.read()

    assert text is not None
    assert read_document(text).weight_percent == 25.0


async def test_a_server_that_watches_hears_of_it_at_once(
    operator: RedisFlags, store: RedisFlagStore
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    watching = asyncio.create_task(store.watch(heard.put_nowait))
    await publish(operator, 1)
    await asyncio.wait_for(heard.get(), TIMEOUT_S)

    await publish(operator, 2, 50.0)

    text = await asyncio.wait_for(heard.get(), TIMEOUT_S)
    watching.cancel()
    await asyncio.wait([watching])
    assert read_document(text).weight_percent == 50.0


async def test_the_operator_reads_what_a_server_restored(
    operator: RedisFlags, store: RedisFlagStore
) -> None:
    rollout = Rollout(revision=1, weight_percent=5.0)

    await store.replace(rollout)

    assert await operator.read(FLEET, "redis://here") == Flags(True, write_document(rollout))


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/3",
        "rediss://user:word@127.0.0.1",
        "unix:///run/redis.sock",
        "redis+sentinel://127.0.0.1,127.0.0.2:26380/main/1",
        "rediss+cluster://user:word@127.0.0.1:7000",
    ],
)
async def test_an_address_that_the_operator_takes_is_taken_by_the_server(url: str) -> None:
    ours, theirs = operator_url.connect(url), server_url.connect(url)

    assert type(ours.client) is type(theirs.client)
    await ours.close()
    await theirs.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1", "redis+sentinel://127.0.0.1", ""])
def test_an_address_that_one_refuses_is_refused_by_the_other(url: str) -> None:
    with pytest.raises(operator_url.WrongUrl):
        operator_url.connect(url)
    with pytest.raises(server_url.WrongUrl):
        server_url.connect(url)
