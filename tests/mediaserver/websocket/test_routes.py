"""Who may connect, and what is said to the others before the upgrade."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from mediaserver.websocket.builders import START, TOKENS, Client, World, a_world
from voicemedia_rollout.document import Variant
from voicemedia_server.edge.rates import MethodRates
from voicemedia_server.edge.session_tokens import Grant
from voicemedia_server.edge.tokens import StaticTokens
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.sessions.admission import Rate
from voicemedia_server.websocket.routes import PATHS


async def test_a_draining_server_refuses_before_the_upgrade(world: World) -> None:
    world.service.drain()

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await world.http.ws_connect(world.url)

    assert refused.value.status == 503
    assert refused.value.headers is not None
    assert int(refused.value.headers["Retry-After"]) > 0


async def test_a_full_server_refuses_before_the_upgrade() -> None:
    async with a_world(capacity=1) as world, world.connected("vm.v2.json") as client:
        await client.say(START)
        await client.hear_of("started")

        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await world.http.ws_connect(world.url)

    assert refused.value.status == 503
    assert refused.value.headers is not None
    assert int(refused.value.headers["Retry-After"]) > 0


async def test_who_asks_too_often_is_refused_before_the_upgrade() -> None:
    async with a_world(rates=MethodRates(post=Rate(per_s=0.01, burst=1))) as world:
        async with world.connected():
            pass

        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await world.http.ws_connect(world.url)

    assert refused.value.status == 429
    assert refused.value.headers is not None
    assert int(refused.value.headers["Retry-After"]) > 0


async def test_the_endpoint_has_two_addresses(world: World) -> None:
    for path in PATHS:
        url = world.url.replace(PATHS[0], path)
        async with world.http.ws_connect(url, protocols=["vm.v2.json"]) as socket:
            client = Client(socket)
            await client.say(START)

            assert (await client.hear_of("started"))["streamSid"] == "MZ1"


async def test_a_plain_request_is_told_to_upgrade(world: World) -> None:
    async with world.http.get(world.url) as response:
        problem = await response.json()

    assert (response.status, response.headers["Upgrade"]) == (426, "websocket")
    assert problem["status"] == 426


async def test_a_plain_request_is_told_why_a_websocket_would_be_refused(world: World) -> None:
    """Browsers hide it from pages, so that these ask a second time."""
    world.service.drain()

    async with world.http.get(world.url) as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer right"}, 426),
    ],
)
async def test_a_plain_request_is_told_what_its_token_is_worth(
    headers: dict[str, str], status: int
) -> None:
    async with (
        a_world(StaticTokens(["right"])) as world,
        world.http.get(world.url, headers=headers) as response,
    ):
        assert response.status == status


@pytest.mark.parametrize("way", ["header", "query", "start"])
async def test_a_token_may_come_three_ways(way: str) -> None:
    start: dict[str, Any] = dict(START)
    query, headers = "", {}
    match way:
        case "header":
            headers = {"Authorization": "Bearer right"}
        case "query":
            query = "?token=right"
        case "start":
            start["start"] = {"customParameters": {"token": "right"}}
    async with (
        a_world(StaticTokens(["right"])) as world,
        world.connected(query=query, **headers) as client,
    ):
        await client.say(start)
        await client.speak(bytes(160), 1)

        assert (await client.hear_of())["event"] == "media"


async def test_a_wrong_token_is_refused_before_the_upgrade() -> None:
    async with a_world(StaticTokens(["right"])) as world:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await world.http.ws_connect(world.url + "?token=wrong")

        assert refused.value.status == 401


async def test_a_call_is_born_with_the_decision_that_its_token_carries(world: World) -> None:
    decision = Decision(Variant.WEBRTC, DecisionReason.FLAG, 7)
    query = f"?session={TOKENS.sign(Grant('anna', decision))}"

    async with world.connected("vm.v2.json", query=query) as client:
        await client.say({"event": "start", "start": {}})
        started = await client.hear_of("started")
        (session,) = world.service.sessions

    assert started["session"]["variant"] == "webrtc"
    assert session.decision == decision


async def test_a_call_that_moves_keeps_its_variant_and_is_no_fresh_sample(world: World) -> None:
    decision = Decision(Variant.WEBRTC, DecisionReason.FLAG, 7)
    query = f"?session={TOKENS.sign(Grant('anna', decision))}"
    async with world.connected("vm.v2.json", query=query) as old:
        await old.say({"event": "start", "start": {}})
        token = (await old.hear_of("started"))["session"]["resumeToken"]
        async with world.connected("vm.v2.json") as new:
            await new.say({"event": "start", "start": {"resumeToken": token}})
            started = await new.hear_of("started")
            decisions = [session.decision for session in world.service.sessions]

    assert started["session"]["resumed"] is True
    assert decisions == [decision, decision.resumed()]


async def test_a_session_token_that_was_made_up_is_refused_before_the_upgrade(
    world: World,
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await world.http.ws_connect(world.url + "?session=made.up.token")

    assert refused.value.status == 400
