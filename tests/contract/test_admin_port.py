"""What the operator and a media server's admin port agreed on: the instance's document, drains,
flags. Real code on both sides, and HTTP between them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mediaserver.edge.test_problems import Tally
from mediaserver.test_service import World
from voicemedia_operator.fleet.admin_ports import AdminPorts, Door, PodSilent
from voicemedia_operator.reconcile.observed import Instance
from voicemedia_operator.telemetry.metrics import Metrics as OperatorMetrics
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

TOKEN = "t" * 43
REPORT = Report(7, {Variant.WEBRTC: Figures(connected=3, ended=2, lost=1)})
NOW_UNIX_S = 1_800_000_000.0


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def door(world: World) -> AsyncIterator[Door]:
    """Of a server with that world."""
    app = web.Application(
        middlewares=[problem_middleware(Tally()), token_middleware(StaticTokens([TOKEN]))]
    )
    flags = Flags()
    draining = Draining(world.service, lambda: NOW_UNIX_S)

    def describe() -> InstanceState:
        service = world.service
        return InstanceState(
            "http://10.0.0.1:8080",
            "1.2.3",
            service.capacity.max_sessions,
            len(service.sessions),
            service.is_draining,
            REPORT,
        )

    Steering(
        world.service,
        world.registry,
        draining,
        0.0,
        describe,
        Following([], flags, Metrics("1", "python")).offer,
        lambda: flags.revision,
    ).add_to(app)
    async with TestServer(app, host="127.0.0.1") as server:
        assert server.port is not None
        yield Door("127.0.0.1", TOKEN, server.port)
    await draining.close()


@pytest.fixture
async def ports() -> AsyncIterator[AdminPorts]:
    asking = AdminPorts(OperatorMetrics())
    yield asking
    await asking.close()


async def look(ports: AdminPorts, door: Door) -> Instance:
    found = await ports.look(door)
    assert found is not None, "the document cannot be read"
    return found


async def test_the_operator_reads_what_a_server_tells_of_itself(
    world: World, ports: AdminPorts, door: Door
) -> None:
    await world.open_connected()

    found = await look(ports, door)

    assert (found.sessions, found.webrtc_sessions, found.websocket_sessions) == (1, 1, 0)
    assert found.max_sessions == world.service.capacity.max_sessions
    assert found.registry_reachable
    assert not found.is_draining


async def test_a_report_of_how_sessions_went_arrives_whole(ports: AdminPorts, door: Door) -> None:
    found = await look(ports, door)

    assert found.report is not None
    assert found.report.encode() == REPORT.encode()


async def test_a_drain_of_the_operator_is_a_drain_of_the_server_and_can_be_taken_back(
    world: World, ports: AdminPorts, door: Door
) -> None:
    await world.open_connected()

    await ports.drain(door, None, None)
    during = await look(ports, door)
    await ports.undrain(door)

    assert (during.is_draining, during.drain_ends_unix_s, during.sessions) == (True, None, 1)
    assert not (await look(ports, door)).is_draining


async def test_a_drain_with_a_limit_ends_when_the_operator_said(
    ports: AdminPorts, door: Door
) -> None:
    await ports.drain(door, 60, 10)

    assert (await look(ports, door)).drain_ends_unix_s == NOW_UNIX_S + 70


async def test_a_drain_whose_time_is_over_ends_the_sessions(
    world: World, ports: AdminPorts, door: Door
) -> None:
    session = await world.open_connected()

    await ports.drain(door, 0, 0)
    while world.service.sessions:
        await look(ports, door)

    assert session.close_reason is not None
    assert session.close_reason is not CloseReason.STOPPED


async def test_a_server_takes_the_flags_that_the_operator_writes(
    ports: AdminPorts, door: Door
) -> None:
    document = write_document(Rollout(revision=7, weight_percent=25.0))

    await ports.put_flags(door, document)

    assert (await look(ports, door)).flags_revision == 7


async def test_flags_that_are_older_are_no_failure_and_change_nothing(
    ports: AdminPorts, door: Door
) -> None:
    await ports.put_flags(door, write_document(Rollout(revision=7)))

    await ports.put_flags(door, write_document(Rollout(revision=6)))

    assert (await look(ports, door)).flags_revision == 7


async def test_who_has_another_token_steers_nothing(ports: AdminPorts, door: Door) -> None:
    with pytest.raises(PodSilent, match="refused"):
        await ports.drain(Door(door.ip, "x" * 43, door.port), None, None)
