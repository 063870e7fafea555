"""POST /v2/session over HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.edge.test_problems import Tally
from voicemedia_rollout.document import Rollout, Variant, write_document
from voicemedia_server.decisions.routes import PATH, Decisions, Endpoints, FindPlace, here
from voicemedia_server.edge.bodies import BodyLimits
from voicemedia_server.edge.clients import Clients
from voicemedia_server.edge.ice_servers import IceServers
from voicemedia_server.edge.problems import problem_middleware
from voicemedia_server.edge.rates import MethodRates, RateLimits
from voicemedia_server.edge.session_tokens import Grant, SessionTokens
from voicemedia_server.edge.tokens import Authenticator, OpenAccess, StaticTokens
from voicemedia_server.flags.evaluation import Flags
from voicemedia_server.routing.decision import Decision, DecisionReason

TOKENS = SessionTokens(b"s" * 32, 60)
CAN_BOTH = {"webrtc": True, "websocket": True}


@dataclass
class World:
    """The endpoint that runs, its flags, and what it decided."""

    http: TestClient[web.Request, web.Application]
    flags: Flags
    decided: list[Decision] = field(default_factory=list)

    async def ask(self, **members: object) -> dict[str, Any]:
        body = {"client_id": "anna", "capabilities": CAN_BOTH, **members}
        async with self.http.post(PATH, json=body) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            return {"status": response.status, **answer}


class _Observer:
    def __init__(self, decided: list[Decision]) -> None:
        self._decided = decided

    def decided(self, decision: Decision) -> None:
        self._decided.append(decision)


@contextlib.asynccontextmanager
async def a_world(
    authenticator: Authenticator | None = None, find_place: FindPlace = here
) -> AsyncIterator[World]:
    flags, decided = Flags(), list[Decision]()
    app = web.Application(middlewares=[problem_middleware(Tally())])
    Decisions(
        authenticator=authenticator or OpenAccess(),
        clients=Clients(),
        rates=RateLimits(MethodRates()),
        limits=BodyLimits(),
        ice_servers=IceServers(("stun:stun.example.org",)),
        tokens=TOKENS,
        evaluate=flags.evaluate,
        observer=_Observer(decided),
        endpoints=Endpoints("/whip", "/v2/ws"),
        find_place=find_place,
    ).add_to(app)
    async with TestClient(TestServer(app)) as http:
        yield World(http, flags, decided)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Everybody is given WebRTC."""
    async with a_world() as running:
        running.flags.take(write_document(Rollout(weight_percent=100)))
        yield running


async def test_the_answer_says_what_why_and_where(world: World) -> None:
    answer = await world.ask()

    token, base = answer["session_token"], str(world.http.make_url("")).rstrip("/")
    assert {name: answer[name] for name in ("status", "transport", "variant", "reason")} == {
        "status": 200,
        "transport": "webrtc",
        "variant": "webrtc",
        "reason": "flag",
    }
    assert (answer["revision"], answer["expires_in_s"]) == (1, 60)
    assert answer["urls"] == {
        "whip": f"{base}/whip?session={token}",
        "websocket": f"{base.replace('http', 'ws')}/v2/ws?session={token}",
    }
    assert answer["ice_servers"] == [{"urls": ["stun:stun.example.org"]}]


async def test_a_client_is_sent_to_the_server_that_has_room() -> None:
    async def elsewhere() -> str:
        return "https://two.example.org"

    async with a_world(find_place=elsewhere) as world:
        answer = await world.ask()

    token = answer["session_token"]
    assert answer["urls"] == {
        "whip": f"https://two.example.org/whip?session={token}",
        "websocket": f"wss://two.example.org/v2/ws?session={token}",
    }


async def test_the_token_carries_the_decision(world: World) -> None:
    answer = await world.ask(tenant="acme")

    granted = TOKENS.read(answer["session_token"])
    assert granted == Grant("anna", Decision(Variant.WEBRTC, DecisionReason.FLAG, 1, "acme"))
    assert world.decided == [granted.decision]


async def test_an_answer_is_not_kept_by_caches(world: World) -> None:
    body = {"client_id": "anna", "capabilities": CAN_BOTH}

    response = await world.http.post(PATH, json=body)

    assert response.headers["Cache-Control"] == "no-store"


async def test_a_client_without_webrtc_gets_websocket(world: World) -> None:
    answer = await world.ask(capabilities={"webrtc": False})

    assert (answer["transport"], answer["reason"]) == ("websocket", "capability")


async def test_a_change_of_the_flags_counts_at_once(world: World) -> None:
    world.flags.take(write_document(Rollout(revision=2, is_killed=True)))

    answer = await world.ask()

    assert (answer["transport"], answer["reason"], answer["revision"]) == ("websocket", "kill", 2)


async def test_a_call_that_goes_on_keeps_its_variant_whatever_the_flags_say(
    world: World,
) -> None:
    token = (await world.ask())["session_token"]
    world.flags.take(write_document(Rollout(revision=2, is_killed=True)))

    answer = await world.ask(resume=token)

    assert (answer["variant"], answer["reason"], answer["revision"]) == ("webrtc", "resume", 1)


async def test_the_token_of_another_client_gives_nothing(world: World) -> None:
    token = (await world.ask(client_id="bob"))["session_token"]

    answer = await world.ask(resume=token)

    assert answer["status"] == 400
    assert answer["type"].endswith("/invalid-session-token")


async def test_before_any_flags_it_is_websocket() -> None:
    async with a_world() as world:
        answer = await world.ask()

    assert (answer["transport"], answer["reason"]) == ("websocket", "registry-down")


async def test_who_needs_a_token_is_asked_for_it() -> None:
    async with a_world(StaticTokens(["secret"])) as world:
        assert (await world.ask())["status"] == 401
        assert world.decided == []


@pytest.mark.parametrize(
    ("members", "status"),
    [({"client_id": 7}, 400), ({"capabilities": {"webrtc": False, "websocket": False}}, 422)],
)
async def test_what_cannot_be_met_is_a_problem(
    world: World, members: dict[str, object], status: int
) -> None:
    assert (await world.ask(**members))["status"] == status


async def test_only_json_is_read_and_the_client_is_told_so(world: World) -> None:
    refused = await world.http.post(PATH, data=b"{}", headers={"Content-Type": "text/plain"})
    options = await world.http.options(PATH)

    assert refused.status == 415
    assert refused.headers["Accept-Post"] == "application/json"
    assert options.headers["Accept-Post"] == "application/json"
