"""What a web page could make a browser send to a local port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.edge.test_problems import Tally
from voicemedia_server.config.values import ListenAddress
from voicemedia_server.edge.local_port import local_port_middleware
from voicemedia_server.edge.problems import problem_middleware

Client = TestClient[web.Request, web.Application]


async def hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")


@pytest.fixture
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    address = ListenAddress(getattr(request, "param", "127.0.0.1"), 8081)
    app = web.Application(middlewares=[problem_middleware(Tally()), local_port_middleware(address)])
    app.router.add_post("/drain", hello)
    async with TestClient(TestServer(app)) as started:
        yield started


async def status(client: Client, **headers: str) -> int:
    async with client.post("/drain", headers=headers) as response:
        return response.status


@pytest.mark.parametrize("host", ["localhost:8081", "127.0.0.1:8081", "127.0.0.1", "[::1]:8081"])
async def test_programs_of_this_machine_are_served(client: Client, host: str) -> None:
    assert await status(client, Host=host) == 200


async def test_a_page_is_refused_wherever_it_comes_from(client: Client) -> None:
    assert await status(client, Origin="https://evil.example") == 403
    assert await status(client, Origin="null") == 403


async def test_a_foreign_name_for_this_machine_is_refused(client: Client) -> None:
    assert await status(client, Host="rebound.evil.example:8081") == 403


@pytest.mark.parametrize("client", ["0.0.0.0"], indirect=True)
async def test_where_others_are_let_in_on_purpose_any_name_is_good(client: Client) -> None:
    assert await status(client, Host="media-1.example:8081") == 200
    assert await status(client, Origin="https://evil.example") == 403
