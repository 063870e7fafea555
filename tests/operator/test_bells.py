"""Who wakes loops."""

from __future__ import annotations

import asyncio

import pytest

from voicemedia_operator.bells import Bell, Bells
from voicemedia_operator.cluster.mirror import ResourceKey

VOICE, OTHER = ResourceKey("calls", "voice"), ResourceKey("calls", "other")
LONG_S = 30.0


async def rings(bell: Bell) -> bool:
    """Whether it rang: else the wait would be long."""
    task = asyncio.ensure_future(bell.wait(LONG_S))
    done, _ = await asyncio.wait({task}, timeout=0.05)
    task.cancel()
    return bool(done)


async def test_a_bell_that_hangs_rings_at_once_and_only_once() -> None:
    bells = Bells()
    bells.hang(VOICE)

    assert await rings(bells.of(VOICE))
    assert not await rings(bells.of(VOICE))


async def test_what_rang_while_nobody_waited_is_heard() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()

    assert await rings(bell)
    assert not await rings(bell)


async def test_who_waits_hears_for_how_long_it_rang() -> None:
    bell = Bell()
    bell.ring()

    assert 0 < await bell.wait(LONG_S) < 1


async def test_without_a_ring_the_pause_ends_it() -> None:
    assert await asyncio.wait_for(Bell().wait(0.01), 5) == 0.0


async def test_news_of_one_resource_wake_no_other() -> None:
    bells = Bells()
    for key in (VOICE, OTHER):
        bells.hang(key)
        await bells.of(key).wait(LONG_S)

    bells.ring(VOICE)

    assert (await rings(bells.of(VOICE)), await rings(bells.of(OTHER))) == (True, False)


async def test_news_for_all_wake_all() -> None:
    bells = Bells()
    for key in (VOICE, OTHER):
        bells.hang(key)
        await bells.of(key).wait(LONG_S)

    bells.ring_all()

    assert await rings(bells.of(VOICE))
    assert await rings(bells.of(OTHER))


async def test_news_of_a_resource_without_a_loop_are_nothing() -> None:
    bells = Bells()
    bells.hang(VOICE)
    bells.take_down(VOICE)

    bells.ring(VOICE)

    with pytest.raises(KeyError):
        bells.of(VOICE)
