"""Leaving: a server that is told to stop lets calls go on, asks them to move, and exits 0."""

from __future__ import annotations

import asyncio
import signal

import aiohttp
import pytest

from interop.server_process import ServerProcess, running_server, until
from interop.test_aiortc_client import until_heard
from interop.tone_client import ToneClient, tone_call

pytestmark = pytest.mark.system

OFFER_TYPE = {"Content-Type": "application/sdp"}


async def read_events(client: ToneClient) -> list[str]:
    """The names of all events of a session until its stream ends."""
    names = []
    async with aiohttp.ClientSession() as http, http.get(client.events_url) as response:
        assert response.content_type == "text/event-stream"
        async for line in response.content:
            if line.startswith(b"event: "):
                names.append(line.decode().removeprefix("event: ").strip())
    return names


async def is_not_ready(server: ServerProcess) -> bool:
    return await server.status_of("/readyz") == 503


async def test_a_live_call_outlives_sigterm_until_the_limit_and_is_asked_to_move() -> None:
    async with (
        running_server("--drain-limit-s", "2", "--drain-notice-s", "1") as server,
        tone_call(server.whip_url) as client,
    ):
        await until_heard(client, 10)
        events = asyncio.ensure_future(read_events(client))
        server.process.send_signal(signal.SIGTERM)
        await until(lambda: is_not_ready(server), what="not ready")

        async with server.http.post(server.whip_url, data="v=0", headers=OFFER_TYPE) as refused:
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) >= 1
        assert await server.status_of("/livez") == 200
        await until_heard(client, len(client.frames) + 50)

        assert await asyncio.wait_for(server.process.wait(), 15) == 0
        assert "reconnect" in await events
    assert [line["reason"] for line in server.lines if line["event"] == "session closed"] == [
        "drained"
    ]


async def test_a_server_without_calls_leaves_at_once() -> None:
    async with running_server("--drain-limit-s", "600") as server:
        server.process.send_signal(signal.SIGINT)

        assert await asyncio.wait_for(server.process.wait(), 5) == 0


async def test_a_second_signal_ends_the_calls_and_leaves() -> None:
    async with (
        running_server("--drain-limit-s", "600") as server,
        tone_call(server.whip_url) as client,
    ):
        await until_heard(client, 10)
        server.process.send_signal(signal.SIGINT)
        await until(lambda: is_not_ready(server), what="not ready")
        server.process.send_signal(signal.SIGINT)

        assert await asyncio.wait_for(server.process.wait(), 10) == 0


@pytest.mark.parametrize("by", ["signal", "admin port"])
async def test_a_drain_can_be_taken_back(server: ServerProcess, by: str) -> None:
    async def drain(path: str, number: signal.Signals) -> None:
        if by == "signal":
            server.process.send_signal(number)
        else:
            async with server.http.post(server.admin_url + path) as response:
                assert response.status == 200

    await drain("/drain", signal.SIGUSR1)
    await until(lambda: is_not_ready(server), what="not ready")

    await drain("/undrain", signal.SIGUSR2)

    async def is_ready() -> bool:
        return await server.status_of("/readyz") == 200

    await until(is_ready)
    async with tone_call(server.whip_url) as client:
        await until_heard(client, 10)
