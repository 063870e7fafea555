"""One hop to the server that holds the session: two real servers on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientError, ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.edge.test_problems import Tally
from voicemedia_server.edge.bodies import BodyLimits
from voicemedia_server.edge.forwarding import HOP, Forwarder
from voicemedia_server.edge.problems import problem_middleware

Http = TestClient[web.Request, web.Application]
NOBODY = "http://127.0.0.1:9"


class There:
    """The server that holds the session: keeps what was asked."""

    def __init__(self) -> None:
        self.asked: web.Request | None = None
        self.body = b""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked, self.body = request, await request.read()
        headers = {"ETag": '"tag"', "Set-Cookie": "a=b", "Content-Type": "text/event-stream"}
        response = web.StreamResponse(status=207, headers=headers)
        response.headers.add("Link", "<a>")
        response.headers.add("Link", "<b>")
        await response.prepare(request)
        await response.write(b"first ")
        await response.write(b"second")
        return response

    async def break_off(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"first ")
        assert request.transport is not None
        request.transport.close()
        return response


@contextlib.asynccontextmanager
async def in_front_of(server_url: str) -> AsyncIterator[Http]:
    """A server that passes everything on to that one."""
    app = web.Application(middlewares=[problem_middleware(Tally())])
    async with ClientSession() as http:
        forwarder = Forwarder(http, BodyLimits(max_bytes=100))

        async def pass_on(request: web.Request) -> web.StreamResponse:
            return await forwarder.forward(request, server_url)

        app.router.add_route("*", "/{path:.*}", pass_on)
        async with TestClient(TestServer(app)) as client:
            yield client


@pytest.fixture
def there() -> There:
    return There()


@pytest.fixture
async def here(there: There) -> AsyncIterator[Http]:
    app = web.Application()
    app.router.add_get("/broken", there.break_off)
    app.router.add_route("*", "/{path:.*}", there.answer)
    async with (
        TestServer(app) as server,
        in_front_of(str(server.make_url("")).rstrip("/")) as client,
    ):
        yield client


async def test_what_the_session_needs_is_passed_on_and_nothing_else(
    here: Http, there: There
) -> None:
    headers = {"If-Match": '"tag"', "Authorization": "Bearer secret", "Cookie": "a=b"}

    await here.patch("/whip/sessions/a%2Fb?x=1", data=b"fragment", headers=headers)

    assert there.asked is not None
    assert (there.asked.method, there.asked.raw_path) == ("PATCH", "/whip/sessions/a%2Fb?x=1")
    assert there.body == b"fragment"
    assert there.asked.headers["If-Match"] == '"tag"'
    assert there.asked.headers["Authorization"] == "Bearer secret"
    assert there.asked.headers["X-Forwarded-For"] == "127.0.0.1"
    assert "Cookie" not in there.asked.headers


async def test_the_answer_comes_back_as_it_is(here: Http) -> None:
    response = await here.get("/whip/events/a")

    assert response.status == 207
    assert await response.read() == b"first second"
    assert response.headers["ETag"] == '"tag"'
    assert response.headers.getall("Link") == ["<a>", "<b>"]
    assert "Set-Cookie" not in response.headers


async def test_a_request_is_passed_on_once(here: Http, there: There) -> None:
    response = await here.delete("/whip/sessions/a", headers={HOP: "1"})

    assert response.status == 404
    assert there.asked is None


async def test_a_body_that_is_too_large_is_not_passed_on(here: Http, there: There) -> None:
    response = await here.patch("/whip/sessions/a", data=b"x" * 101)

    assert response.status == 413
    assert there.asked is None


async def test_a_server_that_is_gone_is_a_problem_that_says_what_to_do() -> None:
    async with in_front_of(NOBODY) as here:
        response = await here.delete("/whip/sessions/a")
        problem = await response.json(content_type=None)

    assert response.status == 502
    assert problem["type"].endswith("/server-unreachable")
    assert "open a new session" in problem["detail"]


async def test_an_answer_that_breaks_off_is_seen_to_break_off(here: Http) -> None:
    response = await here.get("/broken")

    with pytest.raises(ClientError):
        await response.read()
