"""Redis killed, frozen, emptied and started again under live calls: none is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from interop.server_process import ServerProcess, running_server, until
from interop.test_websocket import Phone, phone_call
from interop.tone_client import ToneClient, tone_call
from mediaserver.registry.redis_server import RedisServer, running_redis

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

PHONES = 40
TONES = 6
RIGHT_WITHIN_S = 5.0
FRAMES_HEARD = 25


@dataclass
class Scene:
    """A server with live calls of both transports, listed in a Redis."""

    redis: RedisServer
    server: ServerProcess
    phones: list[Phone]
    tones: list[ToneClient]

    async def admin(self, path: str) -> Any:
        async with self.server.http.get(self.server.admin_url + path) as response:
            return await response.json()

    async def labels_here(self) -> set[str]:
        async with self.server.http.get(f"{self.server.base_url}/stats?limit=1000") as response:
            stats = await response.json()
        assert stats["sessions"]["total"] == len(self.phones) + len(self.tones), "a call was lost"
        return {session["session"] for session in stats["per_session"]}

    async def listed(self) -> set[str]:
        """As Redis has it, not as the server says."""
        found = await self.redis.run("HKEYS", "voicemedia:{voicemedia}:sessions")
        assert isinstance(found, list)
        return set(found)

    async def until_right(self) -> float:
        """Seconds until Redis lists what lives, and the server says so."""
        began_s = time.monotonic()

        async def is_right() -> bool:
            told = await self.admin("/instances")
            return (
                bool(told["registry_reachable"])
                and len(told["instances"]) == 1
                and await self.listed() == await self.labels_here()
            )

        await until(is_right, RIGHT_WITHIN_S, "the registry to be right again")
        return time.monotonic() - began_s

    async def all_are_heard(self) -> None:
        """Each call hears half a second more of itself."""
        phones = [len(phone.heard) for phone in self.phones]
        tones = [len(tone.frames) for tone in self.tones]

        async def went_on() -> bool:
            return all(
                len(phone.heard) >= before + FRAMES_HEARD
                for phone, before in zip(self.phones, phones, strict=True)
            ) and all(
                len(tone.frames) >= before + FRAMES_HEARD
                for tone, before in zip(self.tones, tones, strict=True)
            )

        await until(went_on, what="every call to be heard")


def of_fleet(redis: RedisServer) -> dict[str, str]:
    return {"VOICEMEDIA_REGISTRY_URL": redis.url}


@asynccontextmanager
async def running_scene() -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(running_redis())
        server = await stack.enter_async_context(running_server(env=of_fleet(redis)))
        scene = Scene(redis, server, [], [])
        for _ in range(PHONES):
            scene.phones.append(await stack.enter_async_context(phone_call(server)))
        for _ in range(TONES):
            scene.tones.append(await stack.enter_async_context(tone_call(server.whip_url)))
        await scene.all_are_heard()
        await scene.until_right()
        yield scene


async def kill(redis: RedisServer) -> None:
    await redis.kill()


async def revive(redis: RedisServer) -> None:
    await redis.start()


async def freeze(redis: RedisServer) -> None:
    redis.freeze()


async def thaw(redis: RedisServer) -> None:
    redis.thaw()


async def empty(redis: RedisServer) -> None:
    await redis.run("FLUSHALL")


async def nothing(redis: RedisServer) -> None:
    """It was never away."""


Deed = Callable[[RedisServer], Awaitable[None]]


@pytest.mark.parametrize(
    ("harm", "mend"),
    [(kill, revive), (freeze, thaw), (empty, nothing)],
    ids=["killed and restarted", "frozen and thawed", "emptied"],
)
async def test_no_call_is_lost_and_the_registry_is_right_again(
    harm: Deed, mend: Deed, record_property: Callable[[str, object], None]
) -> None:
    async with running_scene() as scene:
        await harm(scene.redis)
        await scene.all_are_heard()

        began_s = time.monotonic()
        async with phone_call(scene.server) as late:
            scene.phones.append(late)
            await scene.all_are_heard()
            opened_s = time.monotonic() - began_s
            await mend(scene.redis)
            right_s = await scene.until_right()
            await scene.all_are_heard()

            record_property("right_again_s", round(right_s, 2))
            record_property("opened_meanwhile_s", round(opened_s, 2))
            print(f"right again after {right_s:.2f} s; a call opened meanwhile in {opened_s:.2f} s")
            assert len(await scene.listed()) == PHONES + TONES + 1


async def test_a_call_ends_by_the_word_of_another_instance() -> None:
    async with running_scene() as scene, running_server(env=of_fleet(scene.redis)) as other:
        (label, *_) = sorted(await scene.listed())

        async with other.http.delete(f"{other.admin_url}/sessions/{label}") as response:
            assert response.status == 202

        async def has_ended() -> bool:
            return label not in await scene.listed()

        await until(has_ended, RIGHT_WITHIN_S)


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
                async with servers[0].http.delete(winner.session_url) as response:
                    assert response.status == 200

            async def is_free() -> bool:
                return await redis.run("HLEN", "voicemedia:{voicemedia}:sessions") == 0

            await until(is_free)
