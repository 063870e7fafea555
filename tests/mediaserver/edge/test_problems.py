"""What a client is told when it is refused."""

from __future__ import annotations

import json
from collections import Counter

import pytest
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
    InsufficientScope,
    InvalidToken,
    Refusal,
    RefusalReason,
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
