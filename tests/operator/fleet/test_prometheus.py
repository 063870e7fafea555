"""What Prometheus answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from voicemedia_operator.fleet.prometheus import Prometheus, read_answer


def vector(*values: str) -> dict[str, Any]:
    series = [{"metric": {}, "value": [1764061200.0, value]} for value in values]
    return {"status": "success", "data": {"resultType": "vector", "result": series}}


def test_a_vector_of_one_series_is_an_answer() -> None:
    assert read_answer(vector("0.25")) == 0.25


def test_a_scalar_is_an_answer() -> None:
    scalar = {"data": {"resultType": "scalar", "result": [1764061200.0, "3"]}}

    assert read_answer(scalar) == 3.0


@pytest.mark.parametrize(
    "found",
    [vector(), vector("1", "2"), vector("NaN"), vector("many"), {"data": {}}, {}, [], None],
)
def test_all_else_is_no_answer(found: object) -> None:
    assert read_answer(found) is None


async def answer(request: web.Request) -> web.Response:
    match (await request.post())["query"]:
        case "up":
            return web.json_response(vector("1"))
        case "slow":
            return web.Response(status=503)
        case _:
            return web.Response(text="<html>")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A Prometheus that knows one series."""
    app = web.Application()
    app.router.add_post("/api/v1/query", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@pytest.fixture
async def prometheus() -> AsyncIterator[Prometheus]:
    asking = Prometheus()
    yield asking
    await asking.close()


async def test_queries_without_an_answer_are_left_out(prometheus: Prometheus, url: str) -> None:
    asked = {"alive": "up", "late": "slow", "odd": "nonsense"}

    assert await prometheus.ask(url, asked) == {"alive": 1.0}


async def test_a_prometheus_that_is_away_answers_nothing(prometheus: Prometheus) -> None:
    assert await prometheus.ask("http://127.0.0.1:1", {"alive": "up"}) == {}
