"""Bodies: the right type, no larger than allowed, in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.edge.test_problems import Tally
from voicemedia_server.edge.bodies import BodyLimits, read_body
from voicemedia_server.edge.problems import problem_middleware

LIMITS = BodyLimits(max_bytes=100, timeout_s=0.2)
SDP = "application/sdp"


@pytest.fixture
async def client() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await read_body(request, SDP, LIMITS))

    app = web.Application(middlewares=[problem_middleware(Tally())])
    app.router.add_post("/", echo)
    async with TestClient(TestServer(app)) as started:
        yield started


Client = TestClient[web.Request, web.Application]


@pytest.mark.parametrize("declared", [SDP, "Application/SDP", "application/sdp; charset=utf-8"])
async def test_case_and_parameters_of_the_type_do_not_matter(client: Client, declared: str) -> None:
    response = await client.post("/", data=b"v=0", headers={"Content-Type": declared})

    assert (response.status, await response.read()) == (200, b"v=0")


@pytest.mark.parametrize("declared", ["application/json", "text/plain", ""])
async def test_another_type_or_none_is_refused(client: Client, declared: str) -> None:
    response = await client.post("/", data=b"v=0", headers={"Content-Type": declared})

    assert response.status == 415
    assert response.headers["Accept"] == SDP


async def in_pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 50


@pytest.mark.parametrize("body", [lambda: b"x" * 101, lambda: in_pieces(3)], ids=["told", "untold"])
async def test_a_body_over_the_limit_is_refused_whether_its_length_is_told_or_not(
    client: Client, body: Callable[[], object]
) -> None:
    response = await client.post("/", data=body(), headers={"Content-Type": SDP})

    assert response.status == 413


async def test_who_sends_too_slowly_is_not_waited_for(client: Client) -> None:
    never = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield b"v=0"
        await never.wait()

    response = await client.post("/", data=stalled(), headers={"Content-Type": SDP})

    assert response.status == 408
