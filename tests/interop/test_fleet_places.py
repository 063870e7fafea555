"""POST /v2/session sends new sessions to a server of the fleet that has room."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from interop.server_process import ServerProcess, running_server, until
from interop.test_decisions import ask
from mediaserver.registry.redis_server import RedisServer, free_port, running_redis

pytestmark = pytest.mark.system

ASKED = 20


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    async with running_redis() as running:
        yield running


@pytest.fixture
async def servers(redis: RedisServer, tmp_path: Path) -> AsyncIterator[list[ServerProcess]]:
    """Two servers of one fleet, each with a public URL, a secret shared."""
    secret = tmp_path / "secret"
    secret.write_text("s" * 32)
    env = {
        "VOICEMEDIA_REGISTRY_URL": redis.url,
        "VOICEMEDIA_FLEET_SECRET_FILE": str(secret),
        "VOICEMEDIA_POST_RATE_PER_S": "0",
    }
    async with AsyncExitStack() as stack:
        started = []
        for _ in range(2):
            address = f"127.0.0.1:{free_port()}"
            options = ("--http", address, "--public-url", f"http://{address}")
            started.append(await stack.enter_async_context(running_server(*options, env=env)))

        async def all_are_offered() -> bool:
            return await redis.run("ZCARD", "voicemedia:{voicemedia}:free") == 2

        await until(all_are_offered)
        yield started


async def places(server: ServerProcess) -> Counter[str]:
    """Where a server sends clients, by origin."""
    answers = [await ask(server) for _ in range(ASKED)]
    return Counter(answer["urls"]["whip"].partition("/whip")[0] for answer in answers)


async def test_sessions_go_to_the_server_with_more_room_and_its_token_is_good_there(
    servers: list[ServerProcess],
) -> None:
    asked, other = servers
    async with asked.http.ws_connect(f"{asked.base_url}/v2/ws") as busy:
        await busy.send_json({"event": "start", "streamSid": "MZ1", "start": {}})
        await until(lambda: has_sessions(asked, 1))

        assert await places(asked) == {other.base_url: ASKED}

        url = (await ask(asked, tenant="acme"))["urls"]["websocket"]
        async with asked.http.ws_connect(url) as socket:
            await socket.send_json({"event": "start", "streamSid": "MZ1", "start": {}})
            await until(lambda: has_sessions(other, 1))
            (session,) = (await other.stats())["per_session"]
            listed = await other.http.get(f"{asked.admin_url}/sessions/{session['session']}")
            record = await listed.json()

    assert session["variant"] == "websocket"
    assert (record["transport"], record["variant"]) == ("websocket", "websocket")
    assert record["tenant"] == "acme"


async def test_a_server_that_drains_is_sent_nobody_and_sends_on_who_asks_it(
    servers: list[ServerProcess], redis: RedisServer
) -> None:
    draining, other = servers
    async with draining.http.post(f"{draining.admin_url}/drain") as response:
        assert response.status == 200

    async def is_offered_no_more() -> bool:
        return await redis.run("ZCARD", "voicemedia:{voicemedia}:free") == 1

    await until(is_offered_no_more)

    for server in servers:
        assert await places(server) == {other.base_url: ASKED}


async def test_while_redis_is_away_each_server_names_itself(
    servers: list[ServerProcess], redis: RedisServer
) -> None:
    await redis.kill()

    for server in servers:
        assert await places(server) == {server.base_url: ASKED}


async def has_sessions(server: ServerProcess, count: int) -> bool:
    return await server.session_count() == count
