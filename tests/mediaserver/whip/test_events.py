"""The event stream of a session, as a client reads it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientResponse

from mediaserver.whip.builders import World, a_world
from voicemedia_server.session import EventKind, Session, SessionEvent
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.whip.events import HEARTBEAT, MAX_READERS, Readers, encode

WITHIN_S = 10.0


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as running:
        yield running


async def a_reader(world: World) -> tuple[Session, ClientResponse]:
    """A session, and a reader of its events."""
    opened = await world.post()
    url = re.search(r"<([^>]*/whip/events/[^>]*)>", opened.headers["Link"])
    assert url is not None
    (session,) = world.service.sessions
    return session, await world.http.get(re.sub(r"^https?://[^/]*", "", url[1]))


async def read(response: ClientResponse, needle: bytes) -> bytes:
    """What comes, up to the needle."""
    heard = b""
    async with asyncio.timeout(WITHIN_S):
        while needle not in heard:
            chunk = await response.content.readany()
            assert chunk, heard
            heard += chunk
    return heard


def test_an_event_is_written_as_its_standard_has_it() -> None:
    event = SessionEvent(EventKind.RECONNECT, "draining")

    assert encode(event) == b'event: reconnect\ndata: {"detail": "draining"}\n\n'


async def test_a_reader_is_told_the_state_the_request_to_move_and_the_end(world: World) -> None:
    session, response = await a_reader(world)

    heard = await read(response, b"offered")
    session.announce(SessionEvent(EventKind.RECONNECT, "draining"))
    heard += await read(response, b"reconnect")
    await world.service.close_session(session, CloseReason.DRAINED)
    heard += await asyncio.wait_for(response.content.read(), WITHIN_S)

    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    assert [line for line in heard.decode().splitlines() if line.startswith("event:")] == [
        "event: state",
        "event: reconnect",
        "event: closed",
    ]


async def test_a_quiet_stream_shows_that_it_lives(world: World) -> None:
    _, response = await a_reader(world)

    assert HEARTBEAT in await read(response, HEARTBEAT)


async def test_a_reader_that_leaves_is_forgotten(world: World) -> None:
    session, response = await a_reader(world)
    await read(response, b"offered")

    response.close()

    async with asyncio.timeout(WITHIN_S):
        while session.reader_count:  # noqa: ASYNC110  # the server tells nobody of it
            await asyncio.sleep(0.01)


async def test_an_unknown_stream_is_not_found(world: World) -> None:
    assert (await world.http.get("/whip/events/unknown")).status == 404


async def test_one_reader_too_many_ends_the_oldest(world: World) -> None:
    await world.post()
    (session,) = world.service.sessions
    readers = Readers()
    joined = [readers.join(session) for _ in range(MAX_READERS + 1)]

    streams = [reader.__enter__() for reader in joined]

    oldest = [await streams[0].next(), await streams[0].next()]
    assert oldest[1] is None
    assert await streams[-1].next() == SessionEvent(EventKind.STATE, "offered")
    for reader in joined:
        reader.__exit__(None, None, None)
    assert session.reader_count == 0
