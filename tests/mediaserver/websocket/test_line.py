"""Real connections to the endpoint, on the real plane and service."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from mediaserver.packets.builders import drops
from mediaserver.twins import MemoryPlane
from mediaserver.websocket.builders import START, WITHIN_S, Client, World, a_world
from mediaserver.websocket.wire import close_code, frame, raw_connection
from voicemedia_server.edge.sealing import Sealer
from voicemedia_server.edge.tokens import StaticTokens
from voicemedia_server.ports import PeerId
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.rtp.header import build_packet, parse_header
from voicemedia_server.service import DrainPolicy
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.sessions.refusals import RefusalReason
from voicemedia_server.websocket.line import Times


async def test_twilio_hears_each_frame_again_and_nothing_else(world: World) -> None:
    frames = [bytes([n]) * 160 for n in range(1, 6)]
    async with world.connected() as client:
        await client.say({"event": "connected"}, START)
        for chunk, frame in enumerate(frames, 1):
            await client.speak(frame, chunk)
        heard = [await client.hear_of() for _ in frames]
        await client.say({"event": "stop"})

        assert await client.closed() == 1000
    assert [base64.b64decode(message["media"]["payload"]) for message in heard] == frames
    assert {message["streamSid"] for message in heard} == {"MZ1"}
    await world.until_empty()


async def test_an_extended_client_is_told_of_its_session_and_measures(world: World) -> None:
    async with world.connected("vm.v2.json") as client:
        assert client.socket.protocol == "vm.v2.json"
        await client.say(START)
        assert (await client.hear_of("started"))["streamSid"] == "MZ1"
        ping = await client.hear_of("ping")
        await client.speak(bytes(160), 41)
        echo = await client.hear_of("media")
        await client.say({"event": "pong", "t": ping["t"]}, {"event": "ping", "t": 5})
        await client.hear_of("pong")

        (session,) = world.service.sessions
        stats = world.service.stats(session)
    assert (echo["media"]["chunk"], echo["media"]["timestamp"]) == (41, 820)
    assert stats.round_trip_s is not None
    assert stats.packets_received == stats.packets_sent == 1


async def test_packets_go_both_ways_under_rtp(world: World) -> None:
    opus = {"encoding": "audio/opus", "sampleRate": 48000, "channels": 2}
    payload = bytes([31 << 3, 1, 2, 3])
    async with world.connected("vm.v2.rtp") as client:
        await client.say({**START, "start": {"mediaFormat": opus}})
        started = await client.hear_of("started")
        payload_type = started["session"]["payloadType"]
        packet = build_packet(payload, payload_type=payload_type, sequence=5, timestamp=960, ssrc=9)
        await client.hear_of("ping")
        await client.socket.send_bytes(packet)
        echo = await client.socket.receive_bytes(timeout=WITHIN_S)

    header = parse_header(echo)
    assert echo[header.length :] == payload
    assert (header.timestamp, header.payload_type) == (960, payload_type)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("garbage", 1007),
        ('{"event":"dance"}', 1003),
        ('{"event":"media","media":{"payload":""}}', 1008),
        ('{"event":"start","start":{"mediaFormat":{"encoding":"audio/mpeg"}}}', 1003),
        ("x" * 70_000, 1009),
        ("x" * 300_000, 1009),
    ],
    ids=["no JSON", "event", "audio before start", "format", "too big", "far too big"],
)
async def test_nonsense_is_named_and_closed_and_harms_nobody_else(
    world: World, said: str, code: int
) -> None:
    async with world.connected("vm.v2.json") as bystander, world.connected("vm.v2.json") as client:
        await bystander.say(START)
        await client.socket.send_str(said)
        assert await client.closed() == code

        await bystander.speak(b"still here", 1)
        heard = await bystander.hear_of("media")
    assert base64.b64decode(heard["media"]["payload"]) == b"still here"


async def test_nonsense_in_a_call_ends_its_session(world: World) -> None:
    async with world.connected("vm.v2.json") as client:
        await client.say(START, {"event": "media", "media": {"payload": "%"}})
        error = await client.hear_of("error")

        assert await client.closed() == 1007
    assert error["code"] == "invalid_payload"
    assert world.tally.seen == {RefusalReason.WEBSOCKET_MESSAGE: 1}
    await world.until_empty()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (frame(0x1, b"\xff"), 1007),
        (frame(0x5, b""), 1002),
        (frame(0x1, b"{}", is_masked=False), 1002),
        (frame(0x1, bytes(300_000)), 1009),
    ],
    ids=["no UTF-8", "an opcode that there is not", "no mask", "far too big"],
)
async def test_a_frame_that_breaks_the_protocol_is_counted_and_ends_its_session(
    world: World, said: bytes, code: int
) -> None:
    async with raw_connection(world.url) as (reader, writer):
        writer.write(frame(0x1, json.dumps(START).encode()) + said)
        assert await close_code(reader) == code
        (session,) = world.service.sessions

    await world.until_empty()
    assert session.close_reason is CloseReason.PROTOCOL_ERROR
    assert world.tally.seen == {RefusalReason.WEBSOCKET_MESSAGE: 1}


async def test_who_says_nothing_is_let_go() -> None:
    times = Times(start_s=0.05, ping_s=5, write_s=5, notice_s=5)
    async with a_world(times=times) as world, world.connected() as client:
        assert await client.closed() == 1008


async def test_a_client_that_is_gone_frees_its_session(world: World) -> None:
    async with world.connected() as client:
        await client.say(START)
        await client.speak(bytes(160), 1)
        await client.hear_of()

    await world.until_empty()


async def test_a_connection_that_breaks_off_without_a_word_is_a_lost_call(world: World) -> None:
    async with world.connected() as client:
        await client.say(START)
        await client.speak(bytes(160), 1)
        await client.hear_of()
        (session,) = world.service.sessions
        client.break_off()

    await world.until_empty()
    assert session.close_reason is CloseReason.CONNECTION_LOST


async def test_a_client_that_closes_has_said_so(world: World) -> None:
    async with world.connected() as client:
        await client.say(START)
        await client.speak(bytes(160), 1)
        await client.hear_of()
        (session,) = world.service.sessions

    await world.until_empty()
    assert session.close_reason is CloseReason.CLOSED_BY_PEER


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (CloseReason.DELETED, 1000),
        (CloseReason.MOVED, 1000),
        (CloseReason.STOPPED, 1001),
        (CloseReason.IDLE, 1008),
        (CloseReason.MAX_DURATION, 1008),
        (CloseReason.DRAINED, 1012),
    ],
)
async def test_when_the_server_ends_a_call_the_close_code_says_why(
    world: World, reason: CloseReason, code: int
) -> None:
    async with world.connected() as client:
        await client.say(START)
        await client.speak(bytes(160), 1)
        await client.hear_of()
        closing = asyncio.ensure_future(world.service.close_all(reason))

        assert await client.closed() == code
        await closing


class FaultyPlane(MemoryPlane):
    """Has a bug."""

    def take_packet(self, peer_id: PeerId, packet: bytes) -> None:
        raise ZeroDivisionError


async def test_a_fault_of_ours_ends_its_own_call_and_is_no_goodbye_of_the_clients() -> None:
    async with (
        a_world(plane=FaultyPlane()) as world,
        world.connected("vm.v2.json") as bystander,
        world.connected("vm.v2.json") as client,
    ):
        await bystander.say(START)
        await bystander.hear_of("started")
        await client.say(START)
        await client.hear_of("started")
        session = world.service.sessions[-1]
        await client.speak(bytes(160), 1)

        assert await client.closed() == 1011
        await bystander.say({"event": "ping", "t": 1})
        await bystander.hear_of("pong")
        assert session.close_reason is CloseReason.FAILED
        assert len(world.service.sessions) == 1
        assert world.tally.seen == {RefusalReason.INTERNAL: 1}


async def test_a_drain_asks_extended_clients_to_move_and_waits_for_them(world: World) -> None:
    async with world.connected("vm.v2.json") as client:
        await client.say(START)
        await client.hear_of("started")
        draining = asyncio.ensure_future(world.service.drain_out(DrainPolicy(0.01, 10)))

        moved = await client.hear_of("reconnect")
        await client.say({"event": "stop"})
        assert await client.closed() == 1000
        await draining
    assert moved["reason"] == "draining"
    assert datetime.fromisoformat(moved["after"]) <= datetime.now(UTC)
    assert moved["withinMs"] == 5000


async def test_without_any_token_the_start_is_refused() -> None:
    async with a_world(StaticTokens(["right"])) as world, world.connected() as client:
        await client.say(START)

        assert await client.closed() == 1008


async def test_the_last_place_is_taken_by_one_of_two_that_start_at_once() -> None:
    async with (
        a_world(capacity=1) as world,
        world.connected("vm.v2.json") as one,
        world.connected("vm.v2.json") as other,
    ):
        await one.say(START)
        await other.say(START)

        heard = [await client.hear_of("started", "error") for client in (one, other)]
        (refused,) = [c for c, h in zip((one, other), heard, strict=True) if h["event"] == "error"]
        assert await refused.closed() == 1013
    assert {message["event"] for message in heard} == {"started", "error"}


async def test_a_client_that_does_not_read_loses_the_oldest_and_harms_nobody(
    world: World,
) -> None:
    l16 = {"encoding": "audio/x-l16", "sampleRate": 48000}
    async with world.connected("vm.v2.json") as slow, world.connected("vm.v2.json") as other:
        await slow.say({**START, "start": {"mediaFormat": l16}})
        await other.say(START)
        chunk = 0
        while not drops(world.scene):
            chunk += 1
            await slow.speak(bytes(5760), chunk)
        await other.speak(b"still here", 1)
        heard = await other.hear_of("media")

    assert set(drops(world.scene)) == {DropReason.WEBSOCKET_BACKLOG}
    assert base64.b64decode(heard["media"]["payload"]) == b"still here"


async def test_a_client_that_reads_again_hears_the_rest_in_its_order(world: World) -> None:
    l16 = {"encoding": "audio/x-l16", "sampleRate": 48000}
    heard: list[int] = []
    async with world.connected("vm.v2.json") as slow:
        await slow.say({**START, "start": {"mediaFormat": l16}})
        chunk = 0
        while not drops(world.scene):
            chunk += 1
            await slow.speak(bytes(5760), chunk)
        while not heard or heard[-1] < chunk:
            heard.append((await slow.hear_of("media"))["media"]["chunk"])

    assert heard == sorted(set(heard))


# -- moving to another connection -----------------------------------------------------------


@contextlib.asynccontextmanager
async def a_call(
    world: World, start: dict[str, Any] | None = None
) -> AsyncIterator[tuple[Client, dict[str, Any]]]:
    """A client, and what it was told of its session."""
    async with world.connected("vm.v2.json") as client:
        await client.say(start or START)
        yield client, await client.hear_of("started")


def resuming(token: str) -> dict[str, Any]:
    return {"event": "start", "start": {"resumeToken": token}}


async def test_a_call_moves_without_a_gap_and_the_old_connection_ends_when_the_new_is_heard(
    world: World,
) -> None:
    async with a_call(world) as (old, before):
        token = before["session"]["resumeToken"]
        async with a_call(world, resuming(token)) as (new, after):
            await old.speak(b"old is heard", 1)
            assert base64.b64decode((await old.hear_of("media"))["media"]["payload"])
            assert len(world.service.sessions) == 2
            await new.speak(b"new is heard", 1)
            echo = await new.hear_of("media")

            assert await old.closed() == 1000
        assert (before["session"]["resumed"], after["session"]["resumed"]) == (False, True)
        assert after["streamSid"] == before["streamSid"] == echo["streamSid"]
        assert after["session"]["id"] != before["session"]["id"]
    await world.until_empty()


async def test_a_request_to_move_brings_a_token_that_another_server_takes(world: World) -> None:
    async with a_call(world) as (old, before):
        draining = asyncio.ensure_future(world.service.drain_out(DrainPolicy(0.01, 10)))
        moved = await old.hear_of("reconnect")
        async with a_world() as another:
            async with a_call(another, resuming(moved["resumeToken"])) as (new, after):
                await new.speak(b"new is heard", 1)
                await new.hear_of("media")
                await old.say({"event": "stop"})
                assert await old.closed() == 1000
            await another.until_empty()
        await draining
    assert after["session"]["resumed"]
    assert after["streamSid"] == before["streamSid"]


async def test_a_call_that_has_ended_can_still_be_resumed(world: World) -> None:
    async with a_call(world) as (old, before):
        await old.say({"event": "stop"})
        await old.closed()

    async with a_call(world, resuming(before["session"]["resumeToken"])) as (new, after):
        await new.speak(b"new is heard", 1)
        await new.hear_of("media")
    assert after["session"]["resumed"]


@pytest.mark.parametrize(
    "token", ["nonsense", Sealer().seal("websocket resume", b"{}")], ids=["nonsense", "foreign"]
)
async def test_a_token_that_is_no_good_begins_a_fresh_call_and_says_so(
    world: World, token: str
) -> None:
    async with world.connected("vm.v2.json") as client:
        await client.say(resuming(token))
        error, started = await client.hear_of("error"), await client.hear_of("started")
        await client.speak(b"still heard", 1)
        await client.hear_of("media")

    assert (error["code"], error["retryable"]) == ("resume_failed", False)
    assert started["session"]["resumed"] is False


async def test_a_call_of_another_principal_cannot_be_taken_over() -> None:
    tokens = StaticTokens(["alice", "mallory"])
    async with (
        a_world(tokens) as world,
        world.connected("vm.v2.json", query="?token=alice") as alice,
        world.connected("vm.v2.json", query="?token=mallory") as mallory,
    ):
        await alice.say(START)
        token = (await alice.hear_of("started"))["session"]["resumeToken"]
        await mallory.say(resuming(token))
        assert (await mallory.hear_of("error"))["code"] == "resume_failed"
        await mallory.speak(b"is heard alone", 1)
        await mallory.hear_of("media")
        await alice.speak(b"still here", 1)

        assert (await alice.hear_of("media"))["streamSid"] == "MZ1"


# -- marks ----------------------------------------------------------------------------------


async def test_a_client_that_returns_its_marks_is_measured() -> None:
    times = Times(start_s=5, ping_s=5, write_s=5, notice_s=5, mark_s=0.02)
    async with a_world(times=times) as world, world.connected() as client:
        await client.say(START)
        heard: dict[str, Any] = {}
        for chunk in range(1, 1000):
            await client.speak(bytes(160), chunk)
            heard = await client.hear_of()
            if heard["event"] == "mark":
                break
        await client.say(heard)
        await client.speak(bytes(160), 1000)
        await client.hear_of("media")
        await client.hear_of("media")
        (session,) = world.service.sessions
        stats = world.service.stats(session)

    assert stats.playout_s is not None
    assert 0 < stats.playout_s < WITHIN_S


async def until_marked(client: Client, chunk: int = 1) -> tuple[dict[str, Any], int]:
    """Speaks until a mark comes: it, and the next chunk's number."""
    while True:
        await client.speak(bytes(160), chunk)
        chunk += 1
        if (heard := await client.hear_of())["event"] == "mark":
            return heard, chunk


async def test_a_clear_comes_back_and_its_mark_measures_nothing_but_the_next_does() -> None:
    times = Times(start_s=5, ping_s=5, write_s=5, notice_s=5, mark_s=0.02)
    async with a_world(times=times) as world, world.connected() as client:
        await client.say(START)
        cleared, chunk = await until_marked(client)
        await client.say({"event": "clear", "streamSid": "MZ1"})
        assert await client.hear_of("clear") == {"event": "clear", "streamSid": "MZ1"}
        await client.say(cleared)

        played, chunk = await until_marked(client, chunk)
        (session,) = world.service.sessions
        after_clear = world.service.stats(session).playout_s
        await client.say(played)
        await client.speak(bytes(160), chunk)
        await client.hear_of("media")
        await client.speak(bytes(160), chunk + 1)
        await client.hear_of("media")
        after_next = world.service.stats(session).playout_s

    assert after_clear is None
    assert after_next is not None
    assert drops(world.scene) == {}


async def test_a_clear_throws_away_what_waits_and_blames_nobody(world: World) -> None:
    l16 = {"encoding": "audio/x-l16", "sampleRate": 48000}
    heard: list[int | None] = []
    async with world.connected("vm.v2.json") as slow:
        await slow.say({**START, "start": {"mediaFormat": l16}})
        chunk = 0
        while not drops(world.scene):
            chunk += 1
            await slow.speak(bytes(5760), chunk)
        await slow.say({"event": "clear"})
        await slow.speak(bytes(5760), chunk + 1)
        while not heard or heard[-1] != chunk + 1:
            message = await slow.hear_of("media", "clear")
            heard.append(message["media"]["chunk"] if message["event"] == "media" else None)
        (session,) = world.service.sessions
        of_session = world.service.stats(session).drops or {}

    assert heard[-2:] == [None, chunk + 1], "nothing that waited comes behind the clear"
    assert drops(world.scene)[DropReason.WEBSOCKET_CLEARED] > 0
    assert DropReason.WEBSOCKET_CLEARED not in of_session


async def test_what_the_client_tells_of_its_buffer_is_kept(world: World) -> None:
    async with a_call(world) as (client, _):
        await client.say({"event": "stats", "bufferedMs": 60, "underruns": 2})
        await client.say({"event": "ping", "t": 1})
        await client.hear_of("pong")
        (session,) = world.service.sessions
        stats = world.service.stats(session)

    assert (stats.remote_buffered_s, stats.remote_underruns) == (0.06, 2)


async def test_a_ping_of_the_socket_is_answered(world: World) -> None:
    async with a_call(world) as (client, _):
        await client.socket.ping(b"anyone?")
        await client.say({"event": "ping", "t": 1})

        assert (await client.hear_of("pong"))["t"] == 1
