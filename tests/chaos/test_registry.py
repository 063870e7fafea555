"""Redis killed, frozen, emptied and started again under live calls: none is lost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from chaos.callers import Callers, build, live_calls
from interop.server_process import COMMAND, FORBIDDEN_IN_LOGS, ServerProcess, running_server, until
from interop.test_aiortc_client import until_heard
from interop.test_websocket import phone_call, until_echoed
from interop.tone_client import tone_call
from mediaserver.registry.redis_server import RedisServer, running_redis

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="module"),
]

SESSIONS_COMMAND = COMMAND.with_name("voicemedia-sessions")
WEBRTC = 100
PHONES = 100
RIGHT_WITHIN_S = 5.0
MAX_SILENCE_MS = 500
"""Of any call that the machine does not explain: nobody waits for a Redis that is away."""
MAX_LOSS = 0.002


@dataclass
class Scene:
    """A server with live calls of both transports, listed in a Redis."""

    redis: RedisServer
    server: ServerProcess
    callers: Callers
    late: int = 0

    async def admin(self, path: str) -> Any:
        async with self.server.http.get(self.server.admin_url + path) as response:
            return await response.json()

    async def labels_here(self) -> set[str]:
        async with self.server.http.get(f"{self.server.base_url}/stats?limit=1000") as response:
            stats = await response.json()
        assert stats["sessions"]["total"] == WEBRTC + PHONES + self.late, "a call was lost"
        return {session["session"] for session in stats["per_session"]}

    async def listed(self) -> set[str]:
        """As Redis has it, not as the server says."""
        found = await self.redis.run("HKEYS", "voicemedia:{voicemedia}:sessions")
        assert isinstance(found, list)
        return set(found)

    async def until_right(self) -> None:
        """Until Redis lists what lives, and the server says so."""

        async def is_right() -> bool:
            told = await self.admin("/instances")
            return (
                bool(told["registry_reachable"])
                and len(told["instances"]) == 1
                and await self.listed() == await self.labels_here()
            )

        await until(is_right, RIGHT_WITHIN_S, "the registry to be right again")

    async def until_missed(self) -> None:
        """Until the server has noticed that Redis is away."""

        async def is_missed() -> bool:
            return not (await self.admin("/instances"))["registry_reachable"]

        await until(is_missed, what="the server to miss Redis")

    async def hardly_any_packet_is_lost(self) -> None:
        """Of what was said until now, all but a little comes back, and nothing else does."""
        said = [report.sent for report in await self.callers.reports()]
        await self.callers.hear_on()
        now = await self.callers.reports()
        missing = sum(max(0, sent - report.heard) for sent, report in zip(said, now, strict=True))
        assert sum(report.foreign for report in now) == 0
        assert missing <= MAX_LOSS * sum(said), f"{missing} of {sum(said)} packets were lost"


def of_fleet(redis: RedisServer) -> dict[str, str]:
    return {"VOICEMEDIA_REGISTRY_URL": redis.url, "VOICEMEDIA_POST_RATE_PER_S": "0"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene() -> AsyncIterator[Scene]:
    """One for all faults: what a fault left behind would show in the next."""
    build()
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(running_redis())
        server = await stack.enter_async_context(running_server(env=of_fleet(redis)))
        callers = await stack.enter_async_context(live_calls(server, WEBRTC, PHONES))
        scene = Scene(redis, server, callers)
        await scene.callers.hear_on()
        await scene.until_right()
        yield scene


async def kill(scene: Scene) -> None:
    await scene.redis.kill()
    await scene.until_missed()


async def revive(scene: Scene) -> None:
    await scene.redis.start()


async def freeze(scene: Scene) -> None:
    scene.redis.freeze()
    await scene.until_missed()


async def thaw(scene: Scene) -> None:
    scene.redis.thaw()


async def empty(scene: Scene) -> None:
    await scene.redis.run("FLUSHALL")


Deed = Callable[[Scene], Awaitable[None]]


@pytest.mark.parametrize(
    ("harm", "mend"),
    [(kill, revive), (freeze, thaw), (empty, empty)],
    ids=["killed and restarted", "frozen and thawed", "emptied, and again"],
)
async def test_no_call_is_lost_and_the_registry_is_right_again(
    scene: Scene, harm: Deed, mend: Deed
) -> None:
    await scene.callers.hear_on()
    scene.callers.begin_silence()
    await harm(scene)
    await scene.callers.hear_on()

    began_s = time.monotonic()
    async with live_calls(scene.server, 1, 1) as late:
        opened_s = time.monotonic() - began_s
        scene.late = 2
        await scene.callers.hear_on()
        mended_s = time.monotonic()
        await mend(scene)
        await scene.until_right()
        right_s = time.monotonic() - mended_s
        await scene.callers.hear_on()
        assert len(await scene.listed()) == WEBRTC + PHONES + 2
        assert all(report.heard for report in await late.reports())
    scene.late = 0
    silence = scene.callers.silence()

    await scene.until_right()
    await scene.hardly_any_packet_is_lost()
    print(
        f"right again after {right_s:.2f} s; two calls opened meanwhile in {opened_s:.2f} s; "
        f"longest silence {silence.longest_ms} ms, by the machine up to {silence.machine_ms} ms"
    )
    assert silence.within(MAX_SILENCE_MS)


async def test_a_call_ends_by_the_word_of_another_instance(scene: Scene) -> None:
    before = await scene.listed()
    async with (
        running_server(env=of_fleet(scene.redis)) as other,
        phone_call(scene.server) as phone,
    ):
        await until_echoed(phone, 1)
        (label,) = await scene.listed() - before

        async with other.http.delete(f"{other.admin_url}/sessions/{label}") as response:
            assert response.status == 202

        async def has_ended() -> bool:
            return label not in await scene.listed()

        await until(has_ended, RIGHT_WITHIN_S)
        await until(lambda: is_in_the_audit(other, label), RIGHT_WITHIN_S)
        audit = str(await scene.redis.run("XRANGE", "voicemedia:{voicemedia}:audit", "-", "+"))
        assert not FORBIDDEN_IN_LOGS.search(audit), "the audit tells an address, SDP or a token"


async def is_in_the_audit(server: ServerProcess, label: str) -> bool:
    """Who opened, asked and ended, as the command shows it at any instance."""
    process = await asyncio.create_subprocess_exec(
        *(str(SESSIONS_COMMAND), "--admin", server.admin_url, "--json", "events"),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    told = [json.loads(line) for line in out.splitlines()]
    mine = {event["happening"]: event for event in told if event.get("label") == label}
    return mine.keys() == {"opened", "asked", "ended"} and mine["ended"]["reason"] == "stopped"


async def test_two_servers_never_admit_both_to_the_last_place() -> None:
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(running_redis())
        env = {**of_fleet(redis), "VOICEMEDIA_FLEET_MAX_SESSIONS": "1"}
        servers = [await stack.enter_async_context(running_server(env=env)) for _ in range(2)]

        async def both_joined() -> bool:
            return await redis.run("HLEN", "voicemedia:{voicemedia}:instances") == 2

        await until(both_joined)
        for _ in range(5):
            async with AsyncExitStack() as calls:
                racers = await asyncio.gather(
                    *(calls.enter_async_context(tone_call(s.whip_url)) for s in servers)
                )

                assert sorted(racer.status for racer in racers) == [201, 503]
                winner = next(racer for racer in racers if racer.status == 201)
                await until_heard(winner)
                async with servers[0].http.delete(winner.session_url) as response:
                    assert response.status == 200

            async def is_free() -> bool:
                return await redis.run("HLEN", "voicemedia:{voicemedia}:sessions") == 0

            await until(is_free)
