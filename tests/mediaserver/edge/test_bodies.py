"""Bodies: the right type, no larger than allowed, in time."""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.edge.test_problems import Tally
from voicemedia_server.edge.bodies import BodyLimits, read_body
from voicemedia_server.edge.problems import problem_middleware
from voicemedia_server.sessions.refusals import RefusalReason

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
    assert response.headers["Connection"] == "close"


def compressed(size: int) -> bytes:
    return gzip.compress(b"v" * size)


async def test_a_compressed_body_is_read_as_what_it_was(client: Client) -> None:
    headers = {"Content-Type": SDP, "Content-Encoding": "gzip"}
    response = await client.post("/", data=compressed(90), headers=headers)

    assert await response.read() == b"v" * 90


async def test_a_small_body_that_unpacks_to_a_huge_one_is_refused(client: Client) -> None:
    bomb = compressed(50_000)
    assert len(bomb) < LIMITS.max_bytes

    headers = {"Content-Type": SDP, "Content-Encoding": "gzip"}
    response = await client.post("/", data=bomb, headers=headers)

    assert response.status == 413


async def test_a_body_that_is_not_encoded_as_it_says_is_the_fault_of_the_client(
    client: Client,
) -> None:
    headers = {"Content-Type": SDP, "Content-Encoding": "gzip"}
    response = await client.post("/", data=b"this is no gzip", headers=headers)

    assert response.status == 400


@asynccontextmanager
async def server_as_in_production(tally: Tally) -> AsyncIterator[int]:
    """Gives its port. Unlike in `TestServer`, handlers go on when the client leaves."""

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await read_body(request, SDP, LIMITS))

    app = web.Application(middlewares=[problem_middleware(tally)])
    app.router.add_post("/", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class WatchedTally(Tally):
    def __init__(self) -> None:
        super().__init__()
        self.has_seen = asyncio.Event()

    def refused(self, reason: RefusalReason) -> None:
        super().refused(reason)
        self.has_seen.set()


async def test_who_hangs_up_in_the_middle_is_no_fault_of_ours() -> None:
    tally = WatchedTally()
    async with server_as_in_production(tally) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n"
        writer.write(head + b"Content-Length: 50\r\n\r\nv=0")
        await writer.drain()
        writer.close()
        await asyncio.wait_for(tally.has_seen.wait(), 5)

    assert tally.seen == Counter({RefusalReason.BAD_REQUEST: 1})
