"""A WHIP session over HTTP, from POST to DELETE; the conformance suite has every line."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from mediaserver.whip.builders import OFFER, OFFERS, World, a_world
from voicemedia_server.edge.ice_servers import IceServers
from voicemedia_server.edge.tokens import StaticTokens
from voicemedia_server.service import Capacity
from voicemedia_server.session import WebRtcSession
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.whip.negotiation import WhipPolicy

REAL_OFFERS = {path.stem: path.read_bytes() for path in OFFERS.glob("*.sdp")}
UFRAG = re.search(rb"a=ice-ufrag:(\S+)", OFFER)
PWD = re.search(rb"a=ice-pwd:(\S+)", OFFER)
assert UFRAG is not None
assert PWD is not None
SAME_ICE = f"a=ice-ufrag:{UFRAG[1].decode()}\r\na=ice-pwd:{PWD[1].decode()}\r\n"
NEW_ICE = "a=ice-ufrag:newU\r\na=ice-pwd:" + "n" * 24 + "\r\n"
SECTION = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
CANDIDATE = "a=candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host\r\n"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as running:
        yield running


async def test_an_offer_is_answered_with_all_that_a_client_needs(world: World) -> None:
    response = await world.post()

    (session,) = world.service.sessions
    assert isinstance(session, WebRtcSession)
    assert response.status == 201
    assert response.headers["Content-Type"] == "application/sdp"
    assert response.headers["Location"] == f"/whip/sessions/{session.id}"
    assert response.headers["ETag"] == f'"{session.entity_tag}"'
    assert response.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"
    assert session.events_id in response.headers["Link"]
    assert await response.text() == session.answer_sdp


@pytest.mark.parametrize("name", sorted(REAL_OFFERS))
async def test_offers_of_real_clients_open_sessions_and_broken_ones_are_problems(
    world: World, name: str
) -> None:
    response = await world.post(REAL_OFFERS[name])

    if "broken" in name or "passive" in name:
        assert response.status in (400, 422)
        assert response.headers["Content-Type"] == "application/problem+json"
        assert world.service.sessions == ()
    else:
        assert response.status == 201


async def test_a_candidate_is_taken_and_changes_nothing(world: World) -> None:
    opened = await world.post()

    response = await world.patch(
        opened.headers["Location"],
        SAME_ICE + SECTION + CANDIDATE,
        **{"If-Match": opened.headers["ETag"]},
    )

    assert response.status == 204
    assert "ETag" not in response.headers


async def test_new_credentials_restart_ice_under_a_new_tag(world: World) -> None:
    opened = await world.post()
    path, tag = opened.headers["Location"], opened.headers["ETag"]

    restarted = await world.patch(path, NEW_ICE + SECTION, **{"If-Match": "*"})
    late = await world.patch(path, SAME_ICE + SECTION, **{"If-Match": tag})

    assert restarted.status == 200
    assert restarted.headers["ETag"] != tag
    assert "a=ice-ufrag:our1" in await restarted.text()
    assert late.status == 412


async def test_without_a_tag_nothing_is_patched(world: World) -> None:
    opened = await world.post()

    response = await world.patch(opened.headers["Location"], SAME_ICE + SECTION)

    assert response.status == 428


@pytest.mark.parametrize(
    ("policy", "fragment"),
    [(WhipPolicy(trickle=False), SAME_ICE), (WhipPolicy(ice_restart=False), NEW_ICE)],
    ids=["trickle", "restart"],
)
async def test_what_is_switched_off_is_said_to_be(policy: WhipPolicy, fragment: str) -> None:
    async with a_world(policy=policy) as world:
        opened = await world.post()

        response = await world.patch(
            opened.headers["Location"],
            fragment + SECTION,
            **{"If-Match": opened.headers["ETag"]},
        )

        assert response.status == 422
        assert "switched off" in (await response.json())["detail"]


async def test_a_section_that_was_not_offered_cannot_be_patched(world: World) -> None:
    opened = await world.post()
    fragment = SAME_ICE + SECTION.replace("mid:0", "mid:7")

    response = await world.patch(
        opened.headers["Location"], fragment, **{"If-Match": opened.headers["ETag"]}
    )

    assert response.status == 400


async def test_a_deleted_session_is_gone(world: World) -> None:
    opened = await world.post()
    path = opened.headers["Location"]
    (session,) = world.service.sessions

    statuses = [(await world.http.delete(path)).status, (await world.http.delete(path)).status]

    assert statuses == [200, 404]
    assert session.close_reason is CloseReason.DELETED
    assert (await world.http.get(path)).status == 404


async def test_endpoint_and_session_can_be_asked_after(world: World) -> None:
    path = (await world.post()).headers["Location"]

    assert (await world.http.get("/whip")).status == 204
    assert (await world.http.get(path)).status == 204
    options = await world.http.options(path)
    assert options.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"
    assert (await world.http.put("/whip")).status == 405


async def test_ice_servers_are_told_to_who_may_post_and_to_nobody_else() -> None:
    servers = IceServers(("stun:stun.example:3478",), None, 3600)
    async with a_world(StaticTokens(["right"]), ice_servers=servers) as world:
        stranger = await world.http.options("/whip")
        friend = await world.http.options("/whip", headers={"Authorization": "Bearer right"})
        preflight = await world.http.options(
            "/whip",
            headers={
                "Authorization": "Bearer right",
                "Origin": "https://a.example",
                "Access-Control-Request-Method": "POST",
            },
        )

    assert "Link" not in stranger.headers
    assert "stun.example" in friend.headers["Link"]
    assert "Link" not in preflight.headers


async def test_a_session_belongs_to_the_token_that_opened_it() -> None:
    async with a_world(StaticTokens(["mine", "yours"])) as world:
        opened = await world.post(Authorization="Bearer mine")
        path = opened.headers["Location"]

        nobody = await world.http.delete(path)
        stranger = await world.http.delete(path, headers={"Authorization": "Bearer yours"})
        owner = await world.http.delete(path, headers={"Authorization": "Bearer mine"})

    assert [nobody.status, stranger.status, owner.status] == [401, 403, 200]


async def test_a_full_server_says_when_to_come_back() -> None:
    async with a_world(capacity=Capacity(1, 10)) as world:
        await world.post()

        response = await world.post()

        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("query", "status"), [("?echo=direct", 201), ("?echo=loud", 400), ("?echo=decoded", 422)]
)
async def test_the_form_of_the_echo_is_asked_for_by_the_query(
    world: World, query: str, status: int
) -> None:
    """This server has no room for decoded echoes."""
    assert (await world.post(query=query)).status == status
