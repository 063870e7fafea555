"""The command `voicemedia-sessions` against a real admin port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mediaserver.edge.test_problems import Tally
from mediaserver.registry.contract import STATE
from mediaserver.test_service import World
from voicemedia_rollout.document import Variant
from voicemedia_server.edge.problems import problem_middleware
from voicemedia_server.edge.tokens import StaticTokens, token_middleware
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.sessions_command import AdminPort, events, run
from voicemedia_server.status.admin import Admin

Command = Callable[..., Awaitable[int]]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def admin(world: World) -> AsyncIterator[str]:
    app = web.Application(middlewares=[problem_middleware(Tally())])
    Admin(world.service, world.registry).add_to(app)
    keeping = asyncio.ensure_future(world.registry.keep(lambda: STATE, world.service.end_labelled))
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
    keeping.cancel()


@pytest.fixture
def command(admin: str) -> Command:
    return lambda *words: asyncio.to_thread(run, ["--admin", admin, *words])


async def test_sessions_are_listed_with_who_holds_them(
    world: World, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    decision = Decision(Variant.WEBRTC, DecisionReason.FLAG, 7, "acme")
    decided, other = await world.open_connected(decision), await world.open_connected()

    capsys.readouterr()  # the log
    assert await command("list") == 0

    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:6] == [
        *("SESSION", "INSTANCE", "TRANSPORT"),
        *("VARIANT", "TENANT", "REVISION"),
    ]
    found = {row.split()[0]: row.split()[1:6] for row in rows}
    assert found[decided.label] == ["one", "webrtc", "webrtc", "acme", "7"]
    assert found[other.label] == ["one", "webrtc", "-", "-", "-"]


async def test_programs_get_json(
    world: World, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    session = await world.open_connected()

    capsys.readouterr()  # the log
    await command("--json", "show", session.label)

    assert json.loads(capsys.readouterr().out)["session"] == session.label


async def test_a_session_is_shown_line_by_line(
    world: World, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    decision = Decision(Variant.WEBRTC, DecisionReason.FLAG, 7, "acme")
    session = await world.open_connected(decision)

    await command("show", session.label)

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    for line in (["state", "connected"], ["tenant", "acme"], ["revision", "7"]):
        assert line in lines


async def test_it_returns_when_the_session_has_ended(world: World, command: Command) -> None:
    session = await world.open_connected()

    code = await command("end", session.label)

    assert code == 0
    assert world.service.sessions == ()


async def test_instances_are_listed(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    await command("instances")

    assert capsys.readouterr().out.splitlines()[1].split() == ["one", "0/10", "no", STATE.url]


async def test_events_say_how_a_session_went(
    world: World, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    session = await world.open_connected(Decision(Variant.WEBRTC, DecisionReason.FLAG, 7))
    await command("end", session.label)
    capsys.readouterr()

    assert await command("events", "--limit", "3") == 0

    told = [line.split()[3:] for line in capsys.readouterr().out.splitlines()]
    label = f"label={session.label}"
    assert told == [
        ["one", "opened", label, "transport=webrtc", "variant=webrtc"],
        ["one", "asked", label],
        [
            *("one", "ended", label, "transport=webrtc", "variant=webrtc"),
            *("reason=stopped", "outcome=ok"),
        ],
    ]


async def test_programs_get_one_event_a_line(
    world: World, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    session = await world.open_connected()
    capsys.readouterr()

    await command("--json", "events")

    *_, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert (last["happening"], last["label"]) == ("opened", session.label)


async def test_events_are_followed_as_they_happen(world: World, admin: str) -> None:
    await world.open_connected()
    following = events(AdminPort(admin), limit=1, is_following=True)
    first = await asyncio.to_thread(next, following)
    other = await world.open_connected()

    second = await asyncio.to_thread(next, following)

    assert (first["happening"], second["happening"]) == ("opened", "opened")
    assert second["label"] == other.label


async def test_a_limit_that_makes_no_sense_is_told(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await command("events", "--limit", "0") == 2
    assert "limit" in capsys.readouterr().err


async def test_a_label_that_nobody_has_is_told(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    for word in ("show", "end"):
        assert await command(word, "nobody") == 1
        assert "nobody" in capsys.readouterr().err


def test_an_admin_port_that_does_not_answer_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--admin", "http://127.0.0.1:9", "list"]) == 2
    assert "--admin" in capsys.readouterr().err


async def test_the_token_of_the_admin_port_is_sent(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token"
    file.write_text("t" * 32 + "\n")
    app = web.Application(
        middlewares=[problem_middleware(Tally()), token_middleware(StaticTokens(["t" * 32]))]
    )
    Admin(world.service, world.registry).add_to(app)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        words = ["--admin", url, "--token-file", str(file), "list"]

        assert await asyncio.to_thread(run, words) == 0
        assert await asyncio.to_thread(run, ["--admin", url, "list"]) == 2
    assert "Bearer" in capsys.readouterr().err


def test_a_token_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert run(["--token-file", str(tmp_path / "nowhere"), "list"]) == 2
