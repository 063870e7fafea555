"""Calls as Twilio makes them, to the real server; and the simulator is as strict as Twilio."""

from __future__ import annotations

import random

import pytest

from interop.server_process import ServerProcess, running_server, until
from interop.twilio_simulator import FRAME_BYTES, Player, twilio_call

SECONDS = 3


def frames(count: int) -> list[bytes]:
    dice = random.Random(7)
    return [dice.randbytes(FRAME_BYTES) for _ in range(count)]


def test_a_mark_is_returned_when_what_was_sent_before_it_has_been_played() -> None:
    player = Player()
    player.waiting.extend([b"one", b"two", "mark", b"three"])

    assert [player.play_frame() for _ in range(3)] == [[], ["mark"], []]


def test_clearing_returns_all_marks_and_plays_nothing_more() -> None:
    player = Player()
    player.waiting.extend([b"one", "first", b"two", "second"])

    assert player.clear() == ["first", "second"]
    assert not player.waiting


def test_a_line_that_is_held_plays_nothing_and_returns_its_marks_when_cleared() -> None:
    player = Player(is_held=True)
    player.waiting.extend([b"one", "mark"])

    assert player.play_frame() == []
    assert player.clear() == ["mark"]


@pytest.mark.system
async def test_twilio_hears_what_it_said_and_its_marks_measure_the_playing() -> None:
    said = frames(SECONDS * 50)
    async with running_server("--websocket-mark-s", "0.5") as server:
        async with twilio_call(server, said) as twilio:

            async def all_is_heard() -> bool:
                return len(twilio.heard) == len(said)

            await until(all_is_heard, 20, "all of it comes back")
            await twilio.press("5")
            (session,) = (await server.stats())["per_session"]
            await twilio.hang_up()

            await server.until_sessions(0)
        metrics = await read(server, "/metrics")

    assert twilio.heard == said
    assert len(twilio.marks) >= SECONDS
    assert 0 < session["reported"]["playout_s"] < 0.2
    assert session["received"]["lost"] == 0
    assert 'voicemedia_session_playout_seconds_count{transport="websocket"} 1.0' in metrics


@pytest.mark.system
async def test_a_clear_empties_twilios_player_and_its_mark_comes_back_unmeasured() -> None:
    said = frames(60 * 50)
    async with (
        running_server("--websocket-mark-s", "0.5") as server,
        twilio_call(server, said) as twilio,
    ):

        async def a_mark_waits() -> bool:
            return any(isinstance(entry, str) for entry in twilio.player.waiting)

        async def is_cleared() -> bool:
            return twilio.clears == 1

        async def is_measured() -> bool:
            return await playout_s(server) is not None

        twilio.player.is_held = True
        await until(a_mark_waits)
        waited = len(twilio.player.waiting)
        await twilio.clear()
        await until(is_cleared)
        returned = list(twilio.marks)
        unmeasured = await playout_s(server)
        twilio.player.is_held = False
        await until(is_measured, what="the next mark, which was played")
        found_s = await playout_s(server)

    assert waited > 20, "half a second of frames"
    assert returned == ["playout-1"]
    assert unmeasured is None
    assert found_s is not None
    assert found_s < 0.2


async def playout_s(server: ServerProcess) -> float | None:
    """What the only session's marks have measured."""
    (session,) = (await server.stats())["per_session"]
    found: float | None = session["reported"]["playout_s"]
    return found


@pytest.mark.system
async def test_marks_can_be_switched_off() -> None:
    said = frames(50)
    async with (
        running_server("--websocket-mark-s", "0") as server,
        twilio_call(server, said) as twilio,
    ):

        async def all_is_heard() -> bool:
            return len(twilio.heard) == len(said)

        await until(all_is_heard, 20, "all of it comes back")
        (session,) = (await server.stats())["per_session"]
    assert twilio.marks == []
    assert session["reported"]["playout_s"] is None


async def read(server: ServerProcess, path: str) -> str:
    async with server.http.get(server.base_url + path) as response:
        return await response.text()
