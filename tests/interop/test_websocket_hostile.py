"""Strangers say what they like over WebSocket to the real server; a call beside never notices."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from interop.server_process import ServerProcess, running_server, until
from interop.test_websocket import Phone, phone_call, until_echoed
from mediaserver.websocket.checked import CheckedSocket
from mediaserver.websocket.wire import close_code, frame, raw_connection
from voicemedia_server.rtp.header import build_packet

pytestmark = pytest.mark.system

WITHIN_S = 15.0
LIMITS = (
    *("--setup-timeout-s", "2", "--request-timeout-s", "1"),
    *("--websocket-heartbeat-s", "1", "--websocket-ping-s", "1"),
    *("--post-rate-per-s", "0"),
)
START: dict[str, Any] = {"event": "start", "streamSid": "MZ1"}
L16: dict[str, Any] = {
    **START,
    "start": {"mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 48000}},
}
PCM = bytes(5760)


def media(payload: str, **more: Any) -> str:
    return json.dumps({"event": "media", "media": {"payload": payload, **more}})


def rtp(payload: bytes, payload_type: int = 0) -> bytes:
    return build_packet(payload, payload_type=payload_type, sequence=1, timestamp=0, ssrc=1)


@dataclass(frozen=True)
class Case:
    """What is said, after a start or not, and what comes of it."""

    said: str | bytes
    error: str
    close_code: int
    dialect: str = "vm.v2.json"
    is_started: bool = True


CASES = {
    "no JSON": Case("garbage", "not_json", 1007),
    "half of JSON": Case('{"event":"media","media":', "not_json", 1007),
    "no object": Case("[1,2,3]", "invalid_message", 1007),
    "no event": Case("{}", "unknown_event", 1003),
    "an unknown event": Case('{"event":"dance"}', "unknown_event", 1003),
    "an event of the server": Case('{"event":"started"}', "unknown_event", 1003),
    "an event that is a number": Case('{"event":5}', "unknown_event", 1003),
    "media without media": Case('{"event":"media"}', "invalid_message", 1007),
    "media that is a number": Case('{"event":"media","media":5}', "invalid_message", 1007),
    "a payload that is a list": Case(
        '{"event":"media","media":{"payload":[]}}', "invalid_message", 1007
    ),
    "a chunk below zero": Case(media("AAAA", chunk=-1), "invalid_message", 1007),
    "a chunk beyond all measure": Case(media("AAAA", chunk=1 << 60), "invalid_message", 1007),
    "a time that is no number": Case(media("AAAA", timestamp="soon"), "invalid_message", 1007),
    "a key that there is not": Case(
        '{"event":"dtmf","dtmf":{"digit":"Z"}}', "invalid_message", 1007
    ),
    "brackets without end": Case("[" * 60_000, "not_json", 1007),
    "no base64": Case(media("%%%%"), "invalid_payload", 1007),
    "base64 cut off": Case(media("AAA"), "invalid_payload", 1007),
    "an empty frame": Case(media(""), "invalid_payload", 1007),
    "a frame of a second": Case(media("A" * 12_000), "frame_too_long", 1007),
    "audio before the start": Case(media("AAAA"), "not_started", 1008, is_started=False),
    "a stop before the start": Case('{"event":"stop"}', "not_started", 1008, is_started=False),
    "a clear before the start": Case('{"event":"clear"}', "not_started", 1008, is_started=False),
    "a clear of a number": Case('{"event":"clear","streamSid":7}', "invalid_message", 1007),
    "a second start": Case(json.dumps(START), "already_started", 1008),
    "a form that there is not": Case(
        '{"event":"start","start":{"mediaFormat":{"encoding":"audio/mpeg"}}}',
        "unsupported_format",
        1003,
        is_started=False,
    ),
    "a name with spaces": Case(
        '{"event":"start","streamSid":"a b"}', "invalid_message", 1007, is_started=False
    ),
    "a message that is too big": Case(media("A" * 66_000), "message_too_big", 1009),
    "binary where it is not spoken": Case(rtp(bytes(160)), "unexpected_binary", 1003),
    "no packet": Case(b"\x00" * 40, "invalid_payload", 1007, "vm.v2.rtp"),
    "half a header": Case(rtp(b"")[:7], "invalid_payload", 1007, "vm.v2.rtp"),
    "nothing": Case(b"", "invalid_payload", 1007, "vm.v2.rtp"),
    "a packet of another type": Case(rtp(bytes(160), 99), "unsupported_format", 1003, "vm.v2.rtp"),
    "a packet of a second": Case(rtp(bytes(8000)), "frame_too_long", 1007, "vm.v2.rtp"),
    "a packet that is too big": Case(rtp(bytes(66_000)), "message_too_big", 1009, "vm.v2.rtp"),
    "a packet before the start": Case(
        rtp(bytes(160)), "not_started", 1008, "vm.v2.rtp", is_started=False
    ),
}


@pytest.fixture
async def besieged() -> AsyncIterator[tuple[ServerProcess, Phone]]:
    """A server with short deadlines, and a call on it that must not suffer."""
    async with running_server(*LIMITS) as server, undisturbed_call(server) as phone:
        yield server, phone


@asynccontextmanager
async def undisturbed_call(server: ServerProcess) -> AsyncIterator[Phone]:
    """A call of which no frame may be lost, whatever happens in between."""
    async with phone_call(server, "vm.v2.json") as phone:
        await until_echoed(phone, 10)
        yield phone
        await until_echoed(phone, len(phone.heard) + 20)
        chunks = [int(said["media"]["chunk"]) for said in phone.heard]
        assert chunks == list(range(1, len(chunks) + 1)), "each frame came back, in its order"


@asynccontextmanager
async def stranger(server: ServerProcess, dialect: str) -> AsyncIterator[CheckedSocket]:
    """Somebody else's connection."""
    protocols = (dialect,) if dialect else ()
    async with server.http.ws_connect(server.base_url + "/v2/ws", protocols=protocols) as socket:
        yield CheckedSocket(socket)


async def until_alone(server: ServerProcess) -> None:
    await server.until_sessions(1, WITHIN_S)


async def say_raw(socket: aiohttp.ClientWebSocketResponse, said: str | bytes) -> None:
    if isinstance(said, str):
        await socket.send_str(said)
    else:
        await socket.send_bytes(said)


async def ending(stranger: CheckedSocket) -> tuple[str, int | None]:
    """The error that was named, and the close code."""
    error = ""
    while (message := await stranger.hear(WITHIN_S)) is not None:
        if isinstance(message, dict) and message["event"] == "error":
            error = message["code"]
    return error, stranger.socket.close_code


async def test_each_kind_of_nonsense_is_named_and_ends_its_own_connection_only(
    besieged: tuple[ServerProcess, Phone],
) -> None:
    server, _ = besieged
    found, wanted = {}, {}
    for name, case in CASES.items():
        async with stranger(server, case.dialect) as speaker:
            if case.is_started:
                await speaker.say(START)
            await say_raw(speaker.socket, case.said)
            found[name] = await ending(speaker)
            wanted[name] = case.error, case.close_code

    assert found == wanted
    await until_alone(server)


@pytest.mark.parametrize(
    ("said", "code"),
    [("garbage", 1007), ('{"event":"ping","t":1}', 1003), (b"binary", 1003), (media("%"), 1007)],
    ids=["no JSON", "an extension", "binary", "no base64"],
)
async def test_twilios_dialect_is_closed_without_a_word_that_twilio_does_not_know(
    besieged: tuple[ServerProcess, Phone], said: str | bytes, code: int
) -> None:
    server, _ = besieged
    async with stranger(server, "") as speaker:
        await speaker.say(START)
        await say_raw(speaker.socket, said)

        assert await ending(speaker) == ("", code)
    await until_alone(server)


async def test_a_message_beyond_all_measure_is_not_even_read(
    besieged: tuple[ServerProcess, Phone],
) -> None:
    server, _ = besieged
    async with raw_connection(server.base_url) as (reader, writer):
        writer.write(bytes([0x81, 0xFF]) + struct.pack("!Q", 4 << 20) + bytes(4))

        assert await close_code(reader) == 1009, "at its length, before it has come"


async def test_who_never_starts_is_told_and_let_go(
    besieged: tuple[ServerProcess, Phone],
) -> None:
    server, _ = besieged
    async with stranger(server, "vm.v2.json") as speaker:
        await speaker.say({"event": "connected"})

        assert await ending(speaker) == ("start_timeout", 1008)


@pytest.mark.parametrize("dialect", ["vm.v2.json", ""])
async def test_a_flood_of_pings_of_the_socket_is_ended(
    besieged: tuple[ServerProcess, Phone], dialect: str
) -> None:
    server, _ = besieged
    async with stranger(server, dialect) as speaker:
        await speaker.say(START)
        await flood(speaker, lambda: speaker.socket.ping(b"x" * 100))

        error, code = await ending(speaker)
    assert (error, code) == ("too_many_messages" if dialect else "", 1008)
    await until_alone(server)


async def test_a_flood_of_messages_is_ended(besieged: tuple[ServerProcess, Phone]) -> None:
    server, _ = besieged
    async with stranger(server, "vm.v2.json") as speaker:
        await speaker.say(START)
        await flood(speaker, lambda: speaker.say({"event": "stats", "lost": 0}))

        assert await ending(speaker) == ("too_many_messages", 1008)
    await until_alone(server)


async def flood(speaker: CheckedSocket, say: Any) -> None:
    """As fast as it goes, until the server has had enough."""
    for _ in range(3000):
        try:
            await say()
        except ConnectionError:
            return


async def test_a_client_that_does_not_read_loses_its_own_audio_and_is_cut_off(
    besieged: tuple[ServerProcess, Phone],
) -> None:
    server, _ = besieged
    async with raw_connection(server.base_url) as (reader, writer):
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # nothing public stops it
        writer.write(frame(0x1, json.dumps(L16).encode()))
        payload = base64.b64encode(PCM).decode()
        sent = 0

        async def is_cut_off() -> bool:
            nonlocal sent
            for _ in range(10):
                if not writer.is_closing():
                    sent += 1
                    writer.write(frame(0x1, media(payload, chunk=sent).encode()))
            dropped: int = (await server.stats())["drops"].get("websocket-backlog", 0)
            return dropped > 0 and await server.session_count() == 1

        await until(is_cut_off, 30, "the client that does not read is cut off")


async def test_a_client_that_vanishes_without_a_word_is_let_go(
    besieged: tuple[ServerProcess, Phone],
) -> None:
    server, _ = besieged
    async with raw_connection(server.base_url) as (_, writer):
        writer.write(frame(0x1, json.dumps(START).encode()))

        await server.until_sessions(2)
        await until_alone(server)  # its pings stay without an answer


BROKEN_FRAMES = {
    "text that is no UTF-8": (frame(0x1, b"\xff\xfe\xfd"), 1007),
    "an opcode that there is not": (frame(0x5, b"{}"), 1002),
    "reserved bits": (bytes([0xF1]) + frame(0x1, b"{}")[1:], 1002),
    "no mask": (frame(0x1, b"{}", is_masked=False), 1002),
    "a continuation of nothing": (frame(0x0, b"{}"), 1002),
    "a ping that is too long": (frame(0x9, bytes(200)), 1002),
    "a fragment without end": (
        (frame(0x1, b"x" * 60_000, is_last=False) + frame(0x0, b"x" * 60_000, is_last=False) * 10),
        1009,
    ),
    "a length of exabytes": (bytes([0x82, 0xFF]) + b"\x7f" * 8 + bytes(4), 1009),
}


async def test_frames_that_break_the_protocol_end_their_own_connection_only(
    besieged: tuple[ServerProcess, Phone],
) -> None:
    server, _ = besieged
    found, wanted = {}, {}
    for name, (broken, code) in BROKEN_FRAMES.items():
        async with raw_connection(server.base_url) as (reader, writer):
            writer.write(broken)
            found[name] = await close_code(reader)
            wanted[name] = code

    assert found == wanted
    await until_alone(server)


async def test_many_strangers_at_once_harm_nobody(besieged: tuple[ServerProcess, Phone]) -> None:
    server, _ = besieged

    async def one(case: Case) -> None:
        async with stranger(server, case.dialect) as speaker:
            if case.is_started:
                await speaker.say(START)
            await say_raw(speaker.socket, case.said)
            await ending(speaker)

    await asyncio.gather(*(one(case) for case in list(CASES.values()) * 5))

    await until_alone(server)
