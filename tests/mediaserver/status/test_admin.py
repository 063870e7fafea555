"""The admin port's view of sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.edge.test_problems import Tally
from mediaserver.registry.contract import STATE
from mediaserver.test_service import World
from voicemedia_rollout.document import Variant
from voicemedia_server.edge.problems import problem_middleware
from voicemedia_server.registry_port import SessionRecord
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.sessions.sound import Transport
from voicemedia_server.status.admin import Admin

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[problem_middleware(Tally())])
    Admin(world.service, world.registry).add_to(app)
    async with TestClient(TestServer(app)) as started:
        yield started


async def test_sessions_are_listed_by_their_labels(world: World, client: Client) -> None:
    session = await world.open_connected()

    (listed,) = await (await client.get("/sessions")).json()

    assert listed["session"] == session.label
    assert [listed[name] for name in ("variant", "reason", "revision", "tenant")] == [None] * 4


async def test_sessions_are_listed_with_what_they_were_born_with(
    world: World, client: Client
) -> None:
    decision = Decision(Variant.WEBSOCKET, DecisionReason.OVERRIDE, 7, "acme")
    elsewhere = SessionRecord("elsewhere", "two", Transport.WEBSOCKET, 1.0, decision)
    await world.registry.claim(elsewhere)

    (listed,) = await (await client.get("/sessions")).json()

    assert (listed["variant"], listed["reason"]) == ("websocket", "override")
    assert (listed["revision"], listed["tenant"]) == (7, "acme")


async def test_a_session_is_ended_by_its_label(world: World, client: Client) -> None:
    session, other = await world.open_connected(), await world.open_connected()

    async with client.delete(f"/sessions/{session.label}") as response:
        told = await response.json()

    assert response.status == 200
    assert session.close_reason is CloseReason.STOPPED
    assert told["sessions"]["total"] == 1
    assert world.service.sessions == (other,)


async def test_a_label_that_nobody_has_is_not_found(client: Client) -> None:
    async with client.delete("/sessions/nobody") as response:
        problem = await response.json()

    assert response.status == 404
    assert "nobody" in problem["detail"]


async def test_a_session_of_the_fleet_is_shown_by_its_label(world: World, client: Client) -> None:
    session = await world.open_connected()

    shown = await (await client.get(f"/sessions/{session.label}")).json()

    assert shown["instance"] == "one"
    assert shown["transport"] == "webrtc"
    assert (await client.get("/sessions/nobody")).status == 404


async def test_the_session_of_another_instance_is_asked_for(world: World, client: Client) -> None:
    elsewhere = SessionRecord("elsewhere", "two", Transport.WEBSOCKET, 1.0)
    await world.registry.claim(elsewhere)

    async with client.delete("/sessions/elsewhere") as response:
        told = await response.json()

    assert response.status == 202
    assert told == {"asked": "two"}


async def test_a_command_to_end_a_session_is_noted_wherever_the_session_lives(
    world: World, client: Client
) -> None:
    session = await world.open_connected()
    await world.registry.claim(SessionRecord("elsewhere", "two", Transport.WEBSOCKET, 1.0))

    for label in (session.label, "elsewhere"):
        await client.delete(f"/sessions/{label}")

    told = await (await client.get("/events")).json()
    asked = [event["label"] for event in told["events"] if event["happening"] == "asked"]
    assert asked == [session.label, "elsewhere"]
    assert told["registry_reachable"]


async def test_events_are_read_on_from_where_one_was(world: World, client: Client) -> None:
    await world.open()
    (first,) = (await (await client.get("/events?limit=1")).json())["events"]
    other = await world.open()

    (second,) = (await (await client.get(f"/events?after={first['id']}")).json())["events"]

    assert (second["happening"], second["label"]) == ("opened", other.label)


@pytest.mark.parametrize("query", ["after=soon", "after=1-", "limit=0", "limit=1001", "limit=x"])
async def test_a_query_that_makes_no_sense_is_refused(client: Client, query: str) -> None:
    async with client.get(f"/events?{query}") as response:
        assert response.status == 400


async def test_instances_are_listed_with_what_they_tell(world: World, client: Client) -> None:
    keeping = asyncio.ensure_future(world.registry.keep(lambda: STATE, lambda label: None))
    await asyncio.sleep(0)

    told = await (await client.get("/instances")).json()

    keeping.cancel()
    assert told["registry_reachable"]
    assert [(i["instance"], i["url"]) for i in told["instances"]] == [("one", STATE.url)]
