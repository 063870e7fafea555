"""Calls from aiortc, which shares no code with the path that answers it but DTLS."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from interop.server_process import ServerProcess, until
from interop.tone_client import ToneClient, tone_call

pytestmark = pytest.mark.system

FRAMES_TO_HEAR = 100


async def until_heard(client: ToneClient, frames: int = FRAMES_TO_HEAR) -> None:
    async def is_heard() -> bool:
        return len(client.frames) >= frames

    await until(is_heard, 20, f"{frames} frames of echo")


@pytest.mark.parametrize(
    ("codec", "name"), [("audio/opus", "opus"), ("audio/PCMU", "pcmu"), ("audio/PCMA", "pcma")]
)
async def test_each_codec_is_echoed(server: ServerProcess, codec: str, name: str) -> None:
    async with tone_call(server.whip_url, 440.0, codecs=[codec]) as client:
        await until_heard(client)

        (described,) = (await server.stats())["per_session"]
        assert described["codec"] == name
        assert described["received"]["lost"] == 0
        assert client.heard_hz() == pytest.approx(440.0, abs=2)


async def test_a_publisher_is_answered_recvonly_and_counted(server: ServerProcess) -> None:
    async with tone_call(server.whip_url, direction="sendonly") as client:

        async def is_received() -> bool:
            sessions = (await server.stats())["per_session"]
            return bool(sessions) and sessions[0]["received"]["packets"] > 50

        await until(is_received)

        (described,) = (await server.stats())["per_session"]
        assert "a=recvonly" in client.answer
        assert not described["echoed"]
        assert described["sent"]["packets"] == 0


async def test_twelve_callers_at_once_each_hear_themselves_alone(server: ServerProcess) -> None:
    frequencies_hz = [300.0 + 150 * caller for caller in range(12)]
    async with AsyncExitStack() as calls:
        clients = await asyncio.gather(
            *(calls.enter_async_context(tone_call(server.whip_url, f)) for f in frequencies_hz)
        )
        await asyncio.gather(*(until_heard(client) for client in clients))

        heard_hz = [client.heard_hz() for client in clients]
        stats = await server.stats()
    assert heard_hz == pytest.approx(frequencies_hz, abs=3)
    assert stats["sessions"]["by_state"]["connected"] == 12
    assert all(session["received"]["lost"] == 0 for session in stats["per_session"])


async def test_hanging_up_by_dtls_alone_frees_the_session(server: ServerProcess) -> None:
    async with tone_call(server.whip_url) as client:
        await until_heard(client, 10)
        await client.peer.close()

        await server.until_sessions(0)
    assert server.lines[-1]["reason"] == "closed-by-peer"
