"""What probes, people and scrapers see over HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.edge.test_problems import Tally
from mediaserver.test_service import World
from voicemedia_server.edge.problems import problem_middleware
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.status.admin import Admin
from voicemedia_server.status.routes import Status

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[problem_middleware(Tally())])

    async def render(accept: str) -> tuple[str, bytes]:
        return "text/plain; version=0.0.4", f"accepted {accept}".encode()

    Status(world.service, world.plane, render, "1.2.3", time.monotonic_ns()).add_to(app)
    Admin(world.service, world.registry).add_to(app)
    async with TestClient(TestServer(app)) as started:
        yield started


async def test_a_draining_server_is_alive_but_not_ready(world: World, client: Client) -> None:
    before = (await client.get("/readyz")).status
    world.service.drain()

    assert before == 200
    assert (await client.get("/readyz")).status == 503
    assert (await client.get("/livez")).status == 200
    assert (await (await client.get("/health")).json())["status"] == "draining"


async def test_health_tells_people_how_it_is(world: World, client: Client) -> None:
    await world.open_connected()
    await world.open()

    health = await (await client.get("/health")).json()

    assert health["status"] == "ok"
    assert health["version"] == "1.2.3"
    assert health["sessions"]["by_state"] == {
        "offered": 1,
        "connecting": 0,
        "connected": 1,
        "reconnecting": 0,
    }


async def test_stats_tell_sessions_by_a_label_that_gives_no_power(
    world: World, client: Client
) -> None:
    session = await world.open_connected()
    world.plane.count_drop(DropReason.RTP_UNBOUND)

    text = await (await client.get("/stats")).text()
    stats = await (await client.get("/stats")).json()

    assert session.id not in text
    assert session.events_id not in text
    assert stats["per_session"][0]["session"] == session.label
    assert stats["sessions"]["by_transport"] == {"webrtc": 1}
    assert stats["drops"] == {"rtp-unbound": 1}


@pytest.mark.parametrize(("limit", "described"), [("0", 0), ("2", 2), ("10", 3)])
async def test_stats_describe_as_many_sessions_as_asked_for(
    world: World, client: Client, limit: str, described: int
) -> None:
    for _ in range(3):
        await world.open()

    stats = await (await client.get("/stats", params={"limit": limit})).json()

    assert len(stats["per_session"]) == described
    assert stats["sessions"]["total"] == 3


@pytest.mark.parametrize("limit", ["-1", "many", "1.5"])
async def test_a_limit_that_is_no_number_is_refused(client: Client, limit: str) -> None:
    assert (await client.get("/stats", params={"limit": limit})).status == 400


async def test_metrics_are_rendered_as_the_scraper_accepts(client: Client) -> None:
    response = await client.get("/metrics", headers={"Accept": "text/this"})

    assert await response.text() == "accepted text/this"


@pytest.mark.parametrize("path", ["/", "/page.js", "/page.css"])
async def test_the_page_runs_no_script_but_its_own(client: Client, path: str) -> None:
    response = await client.get(path)
    text = await response.text()

    assert response.status == 200
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "https://" not in text
    assert " style=" not in text
    assert " onclick=" not in text


async def test_the_admin_port_ends_a_session_by_its_label(world: World, client: Client) -> None:
    session = await world.open_connected()

    listed = await (await client.get("/sessions")).json()
    ended = await client.delete(f"/sessions/{session.label}")
    again = await client.delete(f"/sessions/{session.label}")

    assert [entry["session"] for entry in listed] == [session.label]
    assert (ended.status, again.status) == (200, 404)
    assert world.service.sessions == ()
