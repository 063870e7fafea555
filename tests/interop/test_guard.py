"""A rollout that goes wrong is taken back by the fleet itself, and no live call notices.

Two servers on one Redis; every caller asks `POST /v2/session` and opens what it is told to.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from interop.server_process import COMMAND, ServerProcess, running_server, until
from interop.test_decisions import MEDIA, ask, flags_command, is_at_revision, metric
from interop.tone_client import ToneClient, tone_call
from mediaserver.registry.redis_server import RedisServer, running_redis
from mediaserver.websocket.checked import CheckedSocket

pytestmark = pytest.mark.system

FAULTY = (sys.executable, "-m", "interop.faulty_server")
MIN_SESSIONS = 15
MAX_CALLERS = 160
GUARD = (
    *("--interval-s", "0.5", "--min-sessions", str(MIN_SESSIONS), "--failure-limit", "3"),
    *("--limit", "mos=none", "--worse-by", "mos=none"),
)
AT_ONCE = 4


class Fleet:
    """Two servers of one Redis, half of their callers on WebRTC."""

    def __init__(self, redis: RedisServer, servers: list[ServerProcess]) -> None:
        self.redis = redis
        self.servers = servers
        self.callers = (f"caller-{number}" for number in itertools.count())
        self.called = 0

    async def flags(self, *words: str) -> str:
        return await flags_command("--redis", self.redis.url, *words)

    async def rollout(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.flags("show", "--raw"))["rollout"]
        return found

    async def until_obeyed(self, revision: int, within_s: float) -> None:
        for server in self.servers:
            await until(
                lambda server=server: is_at_revision(server, revision), within_s, "the flags"
            )

    async def given(self, transport: str) -> dict[str, Any]:
        """The answer to a new caller who is given this transport."""
        for caller in self.callers:
            answer = await ask(self.servers[0], caller)
            if answer["transport"] == transport:
                return answer
        raise AssertionError("there is always a next caller")

    async def call(self) -> None:
        """One caller: asks, opens, speaks a moment, hangs up."""
        self.called += 1
        answer = await ask(self.servers[self.called % 2], next(self.callers))
        if answer["transport"] == "websocket":
            async with phone_call(answer["urls"]["websocket"]):
                return
        async with tone_call(answer["urls"]["whip"]) as call:
            await until_set_up(call)
            await hang_up(call)

    async def verdicts(self, verdict: str) -> float:
        """How often it was given, by whichever server leads."""
        series = f'voicemedia_guard_checks_total{{verdict="{verdict}"}}'
        return sum([await metric(server, series) for server in self.servers])


@asynccontextmanager
async def phone_call(url: str) -> AsyncIterator[CheckedSocket]:
    """A WebSocket call that was echoed once."""
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        phone = CheckedSocket(socket)
        await phone.say({"event": "start", "streamSid": "MZ1", "start": {}})
        await echo(phone)
        yield phone
        await phone.say({"event": "stop", "streamSid": "MZ1"})


async def echo(phone: CheckedSocket) -> None:
    """Says something, and hears it."""
    await phone.say({"event": "media", "streamSid": "MZ1", "media": MEDIA})
    heard = await phone.hear(10)
    assert isinstance(heard, dict)
    assert heard["event"] == "media"


async def until_set_up(call: ToneClient) -> None:
    """Until it is heard, or over."""

    async def is_settled() -> bool:
        return bool(call.frames) or call.state in ("closed", "failed")

    await until(is_settled, 20, "a set-up")


async def hang_up(call: ToneClient) -> None:
    async with aiohttp.ClientSession() as http, http.delete(call.session_url) as response:
        assert response.status in (200, 404)


@asynccontextmanager
async def fleet_of(command: Sequence[str]) -> AsyncIterator[Fleet]:
    async with running_redis() as redis:
        env = {
            "VOICEMEDIA_REGISTRY_URL": redis.url,
            "VOICEMEDIA_POST_RATE_PER_S": "0",
            "PYTHONPATH": "tests",
        }
        await flags_command("--redis", redis.url, "split", "50")
        await flags_command("--redis", redis.url, "guard", *GUARD)
        async with (
            running_server(env=env, command=command) as first,
            running_server(env=env, command=command) as second,
        ):
            fleet = Fleet(redis, [first, second])
            await fleet.until_obeyed(2, 5)
            yield fleet


async def test_a_build_that_fails_a_fifth_of_its_set_ups_is_rolled_back_under_live_calls() -> None:
    async with fleet_of(FAULTY) as fleet, AsyncExitStack() as live:
        talk = await live.enter_async_context(
            tone_call((await fleet.given("webrtc"))["urls"]["whip"])
        )
        await until_set_up(talk)
        assert talk.frames
        url = (await fleet.given("websocket"))["urls"]["websocket"]
        phone = await live.enter_async_context(phone_call(url))

        rollout = await fleet.rollout()
        while rollout["revision"] == 2 and fleet.called < MAX_CALLERS:
            await asyncio.gather(*(fleet.call() for _ in range(AT_ONCE)))
            rollout = await fleet.rollout()
        rolled_back_s = time.monotonic()

        assert (rollout["revision"], rollout["weightPercent"]) == (3, 0), fleet.called
        assert rollout["changedBy"] == "guard"
        assert "rolled back from 50 % after 3 failed checks in a row" in rollout["reason"]
        assert "setup-failure is " in rollout["reason"]

        await fleet.until_obeyed(3, 5)
        assert time.monotonic() - rolled_back_s < 1
        answers = [await ask(fleet.servers[0], next(fleet.callers)) for _ in range(50)]
        assert {(a["transport"], a["reason"]) for a in answers} == {("websocket", "flag")}

        heard = len(talk.frames)

        async def is_heard_on() -> bool:
            return len(talk.frames) > heard + 50

        await until(is_heard_on, 10, "the live call")
        await echo(phone)
        (session, *_) = [
            each
            for server in fleet.servers
            for each in (await server.stats())["per_session"]
            if each["transport"] == "webrtc"
        ]
        assert (session["variant"], session["received"]["lost"]) == ("webrtc", 0)
        assert await fleet.verdicts("rollback") == 1
        print(f"rolled back after {fleet.called} callers: {rollout['reason']}")


async def test_a_build_that_works_keeps_its_share() -> None:
    async with fleet_of([str(COMMAND)]) as fleet:
        while await fleet.verdicts("healthy") < 3 and fleet.called < MAX_CALLERS:
            await asyncio.gather(*(fleet.call() for _ in range(AT_ONCE)))

        rollout = await fleet.rollout()
        assert (rollout["revision"], rollout["weightPercent"]) == (2, 50)
        assert await fleet.verdicts("healthy") >= 3
        assert await fleet.verdicts("failing") == 0
