"""Health and metrics of the operator, over HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from apiserver.operators import free_port
from voicemedia_operator.telemetry.endpoints import Endpoints
from voicemedia_operator.telemetry.metrics import Metrics
from voicemedia_operator.telemetry.pulse import Pulse


@pytest.fixture
def endpoints() -> Endpoints:
    return Endpoints(Metrics(), Pulse(stuck_s=60))


@pytest.fixture
async def client(endpoints: Endpoints) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        endpoints.serving("127.0.0.1", 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


async def test_without_a_host_it_answers_at_every_address(endpoints: Endpoints) -> None:
    """A socket on :: alone takes no IPv4, by which a kubelet may ask."""
    endpoints.is_ready = True
    async with (
        endpoints.serving(None, free_port()) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/readyz") as answer,
    ):
        assert answer.status == 200


async def status(client: aiohttp.ClientSession, path: str) -> int:
    async with client.get(path) as answer:
        return answer.status


async def test_it_is_alive_while_loops_complete(
    endpoints: Endpoints, client: aiohttp.ClientSession
) -> None:
    endpoints.pulse.beat("calls/voice", time.monotonic())

    assert await status(client, "/livez") == 200


async def test_it_is_not_alive_once_a_loop_is_stuck(
    endpoints: Endpoints, client: aiohttp.ClientSession
) -> None:
    endpoints.pulse.beat("calls/voice", time.monotonic() - 61)

    assert await status(client, "/livez") == 503


async def test_it_is_ready_once_the_api_server_was_reached(
    endpoints: Endpoints, client: aiohttp.ClientSession
) -> None:
    before = await status(client, "/readyz")
    endpoints.is_ready = True

    assert (before, await status(client, "/readyz")) == (503, 200)


async def test_metrics_tell_how_many_resources_are_looked_after(
    endpoints: Endpoints, client: aiohttp.ClientSession
) -> None:
    endpoints.pulse.beat("calls/voice", time.monotonic())

    async with client.get("/metrics") as answer:
        assert "voicemedia_operator_resources 1.0" in await answer.text()
