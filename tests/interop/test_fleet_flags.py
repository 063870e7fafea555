"""One flag document in Redis for all servers of a fleet: changed on the command line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from interop.server_process import ServerProcess, running_server, until
from interop.test_decisions import ask, flags_command, is_at_revision
from mediaserver.registry.redis_server import RedisServer, free_port, running_redis
from voicemedia_rollout.document import Rollout, write_document

pytestmark = pytest.mark.system

CHANGES = 40
MAX_S = 0.5


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    async with running_redis() as running:
        yield running


@pytest.fixture
async def servers(redis: RedisServer) -> AsyncIterator[list[ServerProcess]]:
    """Two servers of one fleet, without flags so far."""
    env = {"VOICEMEDIA_REGISTRY_URL": redis.url, "VOICEMEDIA_POST_RATE_PER_S": "0"}
    async with running_server(env=env) as first, running_server(env=env) as second:
        yield [first, second]


async def until_all_at(servers: list[ServerProcess], revision: int, within_s: float = 10) -> None:
    for server in servers:
        await until(lambda server=server: is_at_revision(server, revision), within_s, "the flags")


async def test_before_the_first_document_everybody_gets_websocket(
    servers: list[ServerProcess],
) -> None:
    answer = await ask(servers[0])

    assert (answer["transport"], answer["reason"]) == ("websocket", "registry-down")


async def first_answer(port: int) -> dict[str, Any]:
    """Of a server that is about to start: to the first request that it takes at all."""
    body = {"client_id": "anna", "capabilities": {"webrtc": True, "websocket": True}}
    async with aiohttp.ClientSession() as http:

        async def is_answered() -> dict[str, Any] | None:
            try:
                async with http.post(f"http://127.0.0.1:{port}/v2/session", json=body) as response:
                    answer: dict[str, Any] = await response.json()
                    return answer
            except aiohttp.ClientConnectorError:
                return None

        found: dict[str, Any] = await until(is_answered, 20, "the first answer")
        return found


async def test_the_first_caller_of_a_new_server_is_given_what_the_flags_say(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flags_command("--redis", redis.url, "split", "100")
    monkeypatch.setenv("VOICEMEDIA_REGISTRY_URL", redis.url)
    port = free_port()

    asking = asyncio.create_task(first_answer(port))
    async with running_server("--http", f"127.0.0.1:{port}"):
        answer = await asking

    assert (answer["transport"], answer["reason"], answer["revision"]) == ("webrtc", "flag", 1)


async def test_a_redis_that_says_nothing_holds_no_start_up_for_long(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flags_command("--redis", redis.url, "split", "100")
    monkeypatch.setenv("VOICEMEDIA_REGISTRY_URL", redis.url)
    redis.freeze()

    async with running_server() as server:
        answer = await ask(server)
        redis.thaw()
        await until_all_at([server], 1)

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


async def test_a_file_besides_is_put_into_redis_where_people_change_it(
    redis: RedisServer, tmp_path: Path
) -> None:
    file = tmp_path / "flags.json"
    file.write_text(write_document(Rollout(revision=7, weight_percent=40)))
    environment = {"VOICEMEDIA_REGISTRY_URL": redis.url}
    async with running_server("--flags-file", str(file), env=environment) as server:
        await until(lambda: is_at_revision(server, 7), 5, "the file's flags")

        async def is_in_redis() -> bool:
            return await redis.run("HGET", "voicemedia:{voicemedia}:flags", "revision") == "7"

        await until(is_in_redis, 10, "the file's flags in Redis")
        await flags_command("--redis", redis.url, "kill")
        await until(lambda: is_at_revision(server, 8), 5, "the kill")

        assert (await ask(server))["reason"] == "kill"
