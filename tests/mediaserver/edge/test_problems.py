"""What a client is told when it is refused."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from voicemedia_server.edge.problems import (
    PROBLEM_TYPE,
    MethodNotAllowed,
    problem_middleware,
    problem_response,
)
from voicemedia_server.sessions.refusals import (
    AtCapacity,
    ContentTooLarge,
    InsufficientScope,
    InvalidToken,
    Refusal,
    RefusalReason,
    RequestTooSlow,
    Unauthenticated,
    UnsupportedMediaType,
)


class Tally:
    def __init__(self) -> None:
        self.seen: Counter[RefusalReason] = Counter()

    def refused(self, reason: RefusalReason) -> None:
        self.seen[reason] += 1


@pytest.mark.parametrize(
    ("refusal", "field", "value"),
    [
        (AtCapacity("full", retry_after_s=7), "Retry-After", "7"),
        (MethodNotAllowed("GET, POST"), "Allow", "GET, POST"),
        (UnsupportedMediaType("no", accepted="a/b", method="POST"), "Accept-Post", "a/b"),
        (UnsupportedMediaType("no", accepted="a/b", method="PATCH"), "Accept-Patch", "a/b"),
        (Unauthenticated("no"), "WWW-Authenticate", 'Bearer realm="voicemedia"'),
    ],
)
def test_a_refusal_carries_the_field_that_its_status_asks_for(
    refusal: Refusal, field: str, value: str
) -> None:
    assert problem_response(refusal, "/whip").headers[field] == value


@pytest.mark.parametrize(
    ("refusal", "error"),
    [(InvalidToken("no"), "invalid_token"), (InsufficientScope("no"), "insufficient_scope")],
)
def test_a_bad_token_is_told_what_is_wrong_with_it(refusal: Refusal, error: str) -> None:
    assert f'error="{error}"' in problem_response(refusal, "/").headers["WWW-Authenticate"]


def test_a_description_cannot_break_out_of_its_quotes() -> None:
    refusal = InsufficientScope('a "scope" with \\ and\r\nX-Evil: ü')

    challenge = problem_response(refusal, "/").headers["WWW-Authenticate"]

    assert challenge.endswith("error_description=\"a 'scope' with ' and''X-Evil: '\"")


@pytest.mark.parametrize("refusal", [ContentTooLarge("no"), RequestTooSlow("no")])
def test_after_a_body_that_was_not_read_the_connection_ends(refusal: Refusal) -> None:
    assert not problem_response(refusal, "/").keep_alive


async def test_every_error_is_a_problem_document_and_is_counted() -> None:
    async def refuse(request: web.Request) -> web.Response:
        raise AtCapacity("Full.")

    async def fail(request: web.Request) -> web.Response:
        raise RuntimeError("a secret detail")

    tally = Tally()
    app = web.Application(middlewares=[problem_middleware(tally)])
    app.router.add_get("/full", refuse)
    app.router.add_get("/broken", fail)
    async with TestClient(TestServer(app)) as client:
        for method, path, status in (
            ("GET", "/full", 503),
            ("PUT", "/full", 405),
            ("GET", "/nowhere", 404),
            ("GET", "/broken", 500),
        ):
            response = await client.request(method, path)
            problem = json.loads(await response.text())

            assert response.status == problem["status"] == status
            assert response.content_type == PROBLEM_TYPE
            assert problem.keys() == {"type", "title", "status", "detail", "instance"}
            assert "secret" not in json.dumps(problem)
    assert tally.seen == {
        RefusalReason.CAPACITY: 1,
        RefusalReason.METHOD_NOT_ALLOWED: 1,
        RefusalReason.NOT_FOUND: 1,
        RefusalReason.INTERNAL: 1,
    }


async def test_a_fault_of_ours_is_found_in_the_log_by_what_the_client_was_told() -> None:
    seen: list[str] = []

    async def fail(request: web.Request) -> web.Response:
        seen.append(structlog.contextvars.get_contextvars()["request"])
        raise RuntimeError("a secret detail")

    app = web.Application(middlewares=[problem_middleware(Tally())])
    app.router.add_get("/", fail)
    async with TestClient(TestServer(app)) as client:
        problems = [await (await client.get("/")).json(content_type=None) for _ in range(2)]

    assert len(set(seen)) == 2
    for request_id, problem in zip(seen, problems, strict=True):
        assert (
            problem["detail"] == f"The server failed; its log tells why, as request {request_id}."
        )


async def test_what_aiohttp_refuses_is_a_problem_too_and_a_redirect_is_none() -> None:
    async def refuse(request: web.Request) -> web.Response:
        raise web.HTTPGone

    async def redirect(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("/elsewhere")

    app = web.Application(middlewares=[problem_middleware(Tally())])
    app.router.add_get("/gone", refuse)
    app.router.add_get("/moved", redirect)
    async with TestClient(TestServer(app)) as client:
        gone = await client.get("/gone")
        moved = await client.get("/moved", allow_redirects=False)

    assert (gone.status, gone.content_type) == (410, PROBLEM_TYPE)
    assert (moved.status, moved.headers["Location"]) == (307, "/elsewhere")
