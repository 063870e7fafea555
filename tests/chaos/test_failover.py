"""The primary of a Redis behind Sentinels is lost under live calls: the replica takes over."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from chaos.callers import build, live_calls
from interop.server_process import ServerProcess, running_server, until
from mediaserver.registry.redis_server import RedisServer, WatchedRedis, running_watched_redis

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

CALLS = 20
"""Of each transport."""
RIGHT_WITHIN_S = 6.0
MAX_SILENCE_MS = 500
"""Of any call that the machine does not explain: nobody waits for a Redis that is away."""
SESSIONS = "voicemedia:{voicemedia}:sessions"

Deed = Callable[[RedisServer], Awaitable[None]]


async def kill(redis: RedisServer) -> None:
    await redis.kill()


async def freeze(redis: RedisServer) -> None:
    redis.freeze()


async def listed(redis: RedisServer) -> set[Any]:
    found = await redis.run("HKEYS", SESSIONS)
    assert isinstance(found, list)
    return set(found)


async def labels_of(server: ServerProcess) -> set[Any]:
    async with server.http.get(f"{server.base_url}/stats?limit=1000") as response:
        return {session["session"] for session in (await response.json())["per_session"]}


async def is_right(server: ServerProcess, redis: RedisServer) -> bool:
    """The server can reach a Redis, and this one lists what lives."""
    async with server.http.get(f"{server.admin_url}/instances") as response:
        told = await response.json()
    return (
        bool(told["registry_reachable"])
        and len(told["instances"]) == 1
        and await listed(redis) == await labels_of(server)
    )


@pytest.fixture
async def redis() -> AsyncIterator[WatchedRedis]:
    async with running_watched_redis() as watched:
        yield watched


@pytest.mark.parametrize("harm", [kill, freeze], ids=["killed", "frozen"])
async def test_no_call_is_lost_and_the_replica_lists_them_all(
    redis: WatchedRedis, harm: Deed
) -> None:
    build()
    async with AsyncExitStack() as stack:
        env = {"VOICEMEDIA_REGISTRY_URL": redis.url, "VOICEMEDIA_POST_RATE_PER_S": "0"}
        server = await stack.enter_async_context(running_server(env=env))
        callers = await stack.enter_async_context(live_calls(server, CALLS, CALLS))
        await until(lambda: is_right(server, redis.primary), RIGHT_WITHIN_S, "the list")
        await callers.hear_on()

        callers.begin_silence()
        await harm(redis.primary)
        harmed_s = time.monotonic()
        async with live_calls(server, 1, 1):
            opened_s = time.monotonic() - harmed_s
            await until(lambda: is_right(server, redis.replica), RIGHT_WITHIN_S, "the list")
            right_s = time.monotonic() - harmed_s
            assert len(await listed(redis.replica)) == 2 * CALLS + 2

        await callers.hear_on()
        silence = callers.silence()
        await until(lambda: is_right(server, redis.replica), RIGHT_WITHIN_S, "the list")
        assert len(await listed(redis.replica)) == 2 * CALLS
        print(
            f"right again {right_s:.2f} s after the primary was lost; two calls opened meanwhile "
            f"in {opened_s:.2f} s; longest silence {silence.longest_ms} ms, by the machine up to "
            f"{silence.machine_ms} ms"
        )
        assert silence.within(MAX_SILENCE_MS)
