"""One flag document in Redis for all servers of a fleet: changed on the command line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from interop.server_process import ServerProcess, running_server, until
from interop.test_decisions import ask, flags_command, is_at_revision
from mediaserver.registry.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.system

CHANGES = 40
MAX_S = 0.5


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    async with running_redis() as running:
        yield running


@pytest.fixture
async def servers(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[ServerProcess]]:
    """Two servers of one fleet, without flags so far."""
    monkeypatch.setenv("VOICEMEDIA_REGISTRY_URL", redis.url)
    options = ("--post-rate-per-s", "0")
    async with running_server(*options) as first, running_server(*options) as second:
        yield [first, second]


async def until_all_at(servers: list[ServerProcess], revision: int, within_s: float = 10) -> None:
    for server in servers:
        await until(lambda server=server: is_at_revision(server, revision), within_s, "the flags")


async def test_before_the_first_document_everybody_gets_websocket(
    servers: list[ServerProcess],
) -> None:
    answer = await ask(servers[0])

    assert (answer["transport"], answer["reason"]) == ("websocket", "registry-down")


async def test_a_change_reaches_every_server_in_half_a_second(
    servers: list[ServerProcess], redis: RedisServer
) -> None:
    await flags_command("--redis", redis.url, "split", "1")
    await until_all_at(servers, 1)
    took_s = []
    for revision in range(2, CHANGES + 2):
        await flags_command("--redis", redis.url, "split", str(revision))
        written_s = time.monotonic()
        await until_all_at(servers, revision)
        took_s.append(time.monotonic() - written_s)

    slowest_s = sorted(took_s)[-1]
    print(f"{CHANGES} changes reached both servers, the slowest in {slowest_s * 1000:.0f} ms")
    assert slowest_s < MAX_S


async def test_the_last_flags_count_while_redis_is_away_and_are_given_back_to_it(
    servers: list[ServerProcess], redis: RedisServer
) -> None:
    await flags_command("--redis", redis.url, "split", "100")
    await until_all_at(servers, 1)

    await redis.kill()
    while_away = await asyncio.gather(*(ask(server) for server in servers))
    await redis.start()

    async def is_given_back() -> bool:
        return await redis.run("HGET", "voicemedia:{voicemedia}:flags", "revision") == "1"

    await until(is_given_back, 10, "the document in the new Redis")
    await flags_command("--redis", redis.url, "kill")
    await until_all_at(servers, 2)

    assert {(a["transport"], a["reason"], a["revision"]) for a in while_away} == {
        ("webrtc", "flag", 1)
    }
    assert (await ask(servers[1]))["reason"] == "kill"
