"""Pages of other origins: what they may read, on every response."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.edge.test_problems import Tally
from voicemedia_server.edge.cors import add_cors
from voicemedia_server.edge.problems import problem_middleware


@asynccontextmanager
async def server(*origins: str) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application(middlewares=[problem_middleware(Tally())])
    add_cors(app, origins)
    app.router.add_get("/", answer)
    app.router.add_options("/", answer)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/nowhere"])
async def test_errors_carry_the_headers_too(path: str) -> None:
    async with server("*") as client:
        response = await client.get(path, headers={"Origin": "https://page.example"})

    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Location" in response.headers["Access-Control-Expose-Headers"]
    assert response.headers["Vary"] == "Origin"


async def test_only_listed_origins_are_allowed() -> None:
    async with server("https://page.example") as client:
        listed = await client.get("/", headers={"Origin": "https://page.example"})
        other = await client.get("/", headers={"Origin": "https://evil.example"})

    assert listed.headers["Access-Control-Allow-Origin"] == "https://page.example"
    assert "Access-Control-Allow-Origin" not in other.headers


async def test_a_preflight_names_methods_and_headers_and_nothing_else_does() -> None:
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "PATCH"}
    async with server("*") as client:
        preflight = await client.options("/", headers=asked)
        plain = await client.options("/", headers={"Origin": "https://page.example"})

    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert "If-Match" in preflight.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Methods" not in plain.headers
