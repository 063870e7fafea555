"""One server as whoever runs the fleet sees and steers it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.edge.test_problems import Tally
from mediaserver.test_service import World
from voicemedia_rollout.document import Rollout, Variant, write_document
from voicemedia_rollout.figures import Figures, Report
from voicemedia_server.draining import Draining
from voicemedia_server.edge.problems import problem_middleware
from voicemedia_server.edge.tokens import StaticTokens, token_middleware
from voicemedia_server.flags.evaluation import Flags
from voicemedia_server.flags.following import Following
from voicemedia_server.registry_port import InstanceState
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.status.instance import Steering
from voicemedia_server.telemetry.metrics import Metrics

Client = TestClient[web.Request, web.Application]
TOKEN = "t" * 32
REPORT = Report(7, {Variant.WEBRTC: Figures(connected=3)})
NOTICE_S = 0.0


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    app = web.Application(
        middlewares=[problem_middleware(Tally()), token_middleware(StaticTokens([TOKEN]))]
    )
    flags = Flags()
    draining = Draining(world.service, lambda: 1_700_000_000.0)

    def describe() -> InstanceState:
        return InstanceState(
            "http://10.0.0.1:8080",
            "1.2.3",
            world.service.capacity.max_sessions,
            len(world.service.sessions),
            world.service.is_draining,
            REPORT,
        )

    Steering(
        world.service,
        world.registry,
        draining,
        NOTICE_S,
        describe,
        Following([], flags, Metrics("1", "python")).offer,
        lambda: flags.revision,
    ).add_to(app)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with TestClient(TestServer(app), headers=headers) as started:
        yield started
    await draining.close()


async def post(client: Client, path: str, body: object = None) -> dict[str, Any]:
    async with client.post(path, json=body) if body is not None else client.post(path) as answer:
        told: dict[str, Any] = await answer.json()
        assert answer.status == 200, told
        return told


async def test_an_instance_tells_what_it_holds_and_how_its_sessions_went(
    world: World, client: Client
) -> None:
    await world.open_connected()

    told = await (await client.get("/instance")).json()

    assert told == {
        "url": "http://10.0.0.1:8080",
        "version": "1.2.3",
        "max_sessions": 10,
        "sessions": 1,
        "sessions_by_transport": {"webrtc": 1, "websocket": 0},
        "is_draining": False,
        "drain_ends_unix_s": None,
        "flags_revision": 0,
        "registry_reachable": True,
        "report": REPORT.encode(),
    }


async def test_a_drain_takes_no_new_sessions_and_keeps_those_that_live(
    world: World, client: Client
) -> None:
    await world.open_connected()

    told = await post(client, "/drain")
    again = await post(client, "/drain")

    assert told == again
    assert (told["is_draining"], told["sessions"]) == (True, 1)
    assert told["drain_ends_unix_s"] is None
    assert world.service.is_draining


async def test_a_drain_can_be_taken_back(world: World, client: Client) -> None:
    await post(client, "/drain", {"limit_s": 60})

    told = await post(client, "/undrain")

    assert (told["is_draining"], told["drain_ends_unix_s"]) == (False, None)
    await world.open()


async def test_a_drain_with_a_limit_ends_what_is_left_then(world: World, client: Client) -> None:
    session = await world.open_connected()
    told = await post(client, "/drain", {"limit_s": 3600, "notice_s": 30})
    assert told["drain_ends_unix_s"] == 1_700_003_630

    await post(client, "/drain", {"limit_s": 0})
    await world.service.wait_until_empty()

    assert session.close_reason is CloseReason.DRAINED


async def test_what_changes_something_is_not_done_by_looking(world: World, client: Client) -> None:
    async with client.get("/drain") as response:
        assert response.status == 405
    assert not world.service.is_draining


async def test_newer_flags_are_taken_and_older_ones_are_not(client: Client) -> None:
    newer = write_document(Rollout(revision=8))

    first = await (await client.put("/flags", data=newer)).json()
    again = await (await client.put("/flags", data=newer)).json()

    assert first == {"taken": True, "flags_revision": 8}
    assert again == {"taken": False, "flags_revision": 8}
    assert (await (await client.get("/instance")).json())["flags_revision"] == 8


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "fault"),
    [
        ("POST", "/drain", "{", 400, "not JSON"),
        ("POST", "/drain", "[]", 400, "the body"),
        ("POST", "/drain", '{"limit_s": -1}', 400, "limit_s"),
        ("POST", "/drain", '{"limit_s": "1"}', 400, "limit_s"),
        ("POST", "/drain", '{"limits": 1}', 400, "limits"),
        ("PUT", "/flags", "garbage", 400, "not JSON"),
        ("PUT", "/flags", '{"flags": {}}', 400, "rollout is missing"),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(
    world: World, client: Client, method: str, path: str, body: str, status: int, fault: str
) -> None:
    headers = {"Content-Type": "application/json"}
    async with client.request(method, path, data=body, headers=headers) as answer:
        problem = await answer.json()

    assert answer.status == status
    assert fault in problem["detail"]
    assert not world.service.is_draining


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "t"])
async def test_nobody_steers_without_the_token(world: World, client: Client, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    for method, path in (("POST", "/drain"), ("GET", "/instance"), ("PUT", "/flags")):
        async with client.request(method, path, headers=headers) as answer:
            assert answer.status == 401
    assert not world.service.is_draining
