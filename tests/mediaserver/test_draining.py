"""A drain with a limit, and taking it back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mediaserver.test_service import World
from voicemedia_server.draining import Draining, Leaving
from voicemedia_server.service import DrainPolicy
from voicemedia_server.session import EventKind
from voicemedia_server.sessions.lifecycle import CloseReason

NOW_UNIX_S = 1_700_000_000.0


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def draining(world: World) -> AsyncIterator[Draining]:
    made = Draining(world.service, lambda: NOW_UNIX_S)
    yield made
    await made.close()


async def test_without_a_limit_live_sessions_go_on(world: World, draining: Draining) -> None:
    session = await world.open_connected()

    draining.begin()

    assert world.service.is_draining
    assert draining.ends_unix_s is None
    assert session.close_reason is None


@pytest.mark.looptime
async def test_at_its_limit_clients_are_asked_to_move_and_ended_after_the_notice(
    world: World, draining: Draining
) -> None:
    loop = asyncio.get_running_loop()
    session = await world.open_connected()
    began_s = loop.time()
    with session.events() as events:
        draining.begin(DrainPolicy(60, 10))
        assert draining.ends_unix_s == NOW_UNIX_S + 70
        await events.next()
        asked = await events.next()
        asked_s = loop.time()
        await world.service.wait_until_empty()

    assert asked is not None
    assert (asked.kind, round(asked_s - began_s)) == (EventKind.RECONNECT, 60)
    assert (session.close_reason, round(loop.time() - began_s)) == (CloseReason.DRAINED, 70)


@pytest.mark.looptime
async def test_another_limit_takes_the_place_of_the_first(world: World, draining: Draining) -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await world.open_connected()
    draining.begin(DrainPolicy(3600, 10))

    draining.begin(DrainPolicy(5, 0))
    await world.service.wait_until_empty()

    assert round(loop.time() - began_s) == 5


@pytest.mark.looptime
async def test_one_that_was_taken_back_ends_nobody(world: World, draining: Draining) -> None:
    session = await world.open_connected()
    draining.begin(DrainPolicy(5, 0))

    draining.take_back()
    await asyncio.sleep(60)

    assert session.close_reason is None
    assert not world.service.is_draining
    assert draining.ends_unix_s is None


async def test_once_the_process_leaves_nothing_is_taken_back(
    world: World, draining: Draining
) -> None:
    draining.leave()

    with pytest.raises(Leaving):
        draining.take_back()
    assert world.service.is_draining
