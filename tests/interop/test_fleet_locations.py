"""PATCH, DELETE and events reach the server that holds the session, whichever was asked."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from interop.server_process import ServerProcess, running_server, until
from interop.test_aiortc_client import until_heard
from interop.tone_client import tone_call

pytestmark = pytest.mark.system

NEW_ICE = (
    "a=ice-ufrag:newU\r\na=ice-pwd:" + "n" * 24 + "\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[list[ServerProcess]]:
    """Two servers that share a secret and no registry."""
    secret = tmp_path / "secret"
    secret.write_text("s" * 32)
    async with AsyncExitStack() as stack:
        started = []
        for _ in range(2):
            address = f"127.0.0.1:{free_port()}"
            options = ("--http", address, "--peer-url", f"http://{address}")
            started.append(
                await stack.enter_async_context(
                    running_server(*options, "--fleet-secret-file", str(secret))
                )
            )
        yield started


async def test_any_server_ends_a_session_of_another(servers: list[ServerProcess]) -> None:
    holder, other = servers
    async with tone_call(holder.whip_url) as call:
        await until_heard(call)
        there = call.session_url.replace(holder.base_url, other.base_url)
        described = await other.http.get(there)
        stale = await other.http.patch(
            there,
            data=NEW_ICE,
            headers={
                "Content-Type": "application/trickle-ice-sdpfrag",
                "If-Match": '"another"',
            },
        )
        ended = await other.http.delete(there)

        assert (described.status, stale.status, ended.status) == (204, 412, 200)
        assert await holder.session_count() == 0


async def test_events_of_a_session_can_be_read_at_any_server(
    servers: list[ServerProcess],
) -> None:
    holder, other = servers
    async with tone_call(holder.whip_url) as call:
        await until_heard(call)
        url = call.events_url.replace(holder.base_url, other.base_url)
        async with other.http.get(url) as events:
            assert events.headers["Content-Type"] == "text/event-stream"
            assert b"event: state" in await events.content.readline()
            await holder.http.delete(call.session_url)
            rest = (await events.content.read()).decode()

    assert "event: closed" in rest


async def test_a_session_of_a_server_that_is_gone_is_told_as_such(
    servers: list[ServerProcess],
) -> None:
    holder, other = servers
    async with tone_call(holder.whip_url) as call:
        await until_heard(call)
        there = call.session_url.replace(holder.base_url, other.base_url)
        await holder.stop()

        async def is_unreachable() -> bool:
            return (await other.http.delete(there)).status == 502

        await until(is_unreachable)
