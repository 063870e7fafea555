"""Strangers send what they like to the real server; a call beside them never notices."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aioice import stun

from interop.server_process import ServerProcess, running_server, until
from interop.test_aiortc_client import until_heard
from interop.tone_client import ToneClient, tone_call
from whip_conformance.options import Options
from whip_conformance.peer.rtp import RtpPacket
from whip_conformance.target import open_target

pytestmark = pytest.mark.system

OFFERS = Path(__file__).parents[1] / "mediaserver" / "webrtc" / "offers"
OFFER = (OFFERS / "chromium_156.sdp").read_text()
SDP = {"Content-Type": "application/sdp"}
MAX_PENDING = 8
REMOTE_UFRAG = re.search(r"a=ice-ufrag:(\S+)", OFFER)
assert REMOTE_UFRAG is not None
SILENCE = bytes([0xF8, 0xFF, 0xFE])
CLIENT_HELLO = bytes([22, 254, 253]) + bytes(60)


@pytest.fixture
async def besieged() -> AsyncIterator[tuple[ServerProcess, ToneClient]]:
    """A server with tight limits, and a call on it that must not suffer."""
    limits = ("--max-pending", str(MAX_PENDING), "--setup-timeout-s", "2")
    rates = ("--post-rate-per-s", "0", "--request-timeout-s", "1")
    async with (
        running_server(*limits, *rates, "--udp", "0.0.0.0:0") as server,
        undisturbed_call(server) as bystander,
    ):
        yield server, bystander


@asynccontextmanager
async def undisturbed_call(server: ServerProcess) -> AsyncIterator[ToneClient]:
    """A call of which nothing may be lost or late, whatever happens in between."""
    async with tone_call(server.whip_url) as bystander:
        await until_heard(bystander, 20)
        yield bystander
        await until_heard(bystander, len(bystander.frames) + 20)
        session = next(s for s in (await server.stats())["per_session"] if s["received"]["packets"])
    assert session["state"] == "connected"
    assert (session["received"]["lost"], session["received"]["out_of_order"]) == (0, 0)
    assert bystander.heard_hz(20) == pytest.approx(440, abs=30)
    errors = [line for line in server.lines if line["level"] == "error"]
    assert not errors


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was answered: what a client needs to reach it."""

    url: str
    ufrag: str
    pwd: str


async def open_half(server: ServerProcess) -> Opened:
    """A session whose client never comes."""
    async with server.http.post(server.whip_url, data=OFFER, headers=SDP) as response:
        assert response.status == 201
        answer = await response.text()
        location = response.headers["Location"]
    ufrag, pwd = (re.search(rf"a=ice-{name}:(\S+)", answer) for name in ("ufrag", "pwd"))
    assert ufrag is not None
    assert pwd is not None
    return Opened(server.base_url + location, ufrag[1], pwd[1])


@contextmanager
def stranger(server: ServerProcess) -> Iterator[socket.socket]:
    """A UDP socket that nobody knows."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp:
        udp.connect(("127.0.0.1", server.media_port))
        udp.settimeout(5)
        yield udp


def a_check(session: Opened, *, ufrag: str | None = None, pwd: str | None = None) -> bytes:
    """A connectivity check of the session's client, or one with something wrong."""
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    assert REMOTE_UFRAG is not None
    message.attributes["USERNAME"] = f"{ufrag or session.ufrag}:{REMOTE_UFRAG[1]}"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 7
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity((pwd or session.pwd).encode())
    return bytes(message)


async def until_dropped(server: ServerProcess, reason: str, count: int = 1) -> None:
    async def is_counted() -> bool:
        drops = (await server.stats())["drops"]
        return bool(drops.get(reason, 0) >= count)

    await until(is_counted, 10, f"{count} drops for {reason}")


async def until_alone(server: ServerProcess) -> None:
    """Only the bystander is left."""

    await server.until_sessions(1, 20)


Besieged = tuple[ServerProcess, ToneClient]


async def test_a_flood_of_half_open_sessions_is_bounded_and_freed(besieged: Besieged) -> None:
    server, _ = besieged
    for _ in range(MAX_PENDING):
        await open_half(server)

    async with server.http.post(server.whip_url, data=OFFER, headers=SDP) as refused:
        problem = await refused.json(content_type="application/problem+json")

    assert refused.status == problem["status"] == 503
    assert int(refused.headers["Retry-After"]) > 0
    await until_alone(server)
    await open_half(server)


async def test_forged_checks_bind_nothing_and_get_no_answer(besieged: Besieged) -> None:
    server, _ = besieged
    session = await open_half(server)
    with stranger(server) as udp:
        udp.send(a_check(session, pwd="x" * 24))
        await until_dropped(server, "stun-bad-integrity")
        udp.send(a_check(session, ufrag="nobody"))
        await until_dropped(server, "stun-unknown-ufrag")
        udp.send(a_check(session)[:-1] + b"?")  # the FINGERPRINT is wrong
        await until_dropped(server, "stun-malformed")
        udp.send(b"\0\1\0\x04" + bytes(20))
        await until_dropped(server, "stun-not-a-check")
        udp.send(a_check(session))

        answer = stun.parse_message(udp.recv(2048))
    assert answer.message_class is stun.Class.RESPONSE, "of all that was sent, the right one"


async def test_a_check_that_is_replayed_from_elsewhere_moves_nobody(besieged: Besieged) -> None:
    server, _ = besieged
    session = await open_half(server)
    check = a_check(session)
    with stranger(server) as client, stranger(server) as thief:
        client.send(check)
        client.recv(2048)

        thief.send(check)
        await until_dropped(server, "stun-replayed")
        thief.send(CLIENT_HELLO)
        await until_dropped(server, "dtls-unbound")


async def test_dtls_from_an_address_that_no_check_has_bound_is_not_heard(
    besieged: Besieged,
) -> None:
    server, _ = besieged
    with stranger(server) as udp:
        for _ in range(100):
            udp.send(CLIENT_HELLO)

        await until_dropped(server, "dtls-unbound", 100)


async def test_datagrams_of_every_kind_and_size_are_counted_and_forgotten(
    besieged: Besieged,
) -> None:
    server, _ = besieged
    dice = random.Random(7)
    kinds = {"rtp-unbound": 0x80, "rtcp-unbound": 0x80, "unknown-kind": 0x50, "dtls-unbound": 22}
    with stranger(server) as udp:
        for _ in range(50):
            for reason, first in kinds.items():
                second = 200 if reason == "rtcp-unbound" else 111
                rest = dice.randbytes(dice.randrange(30, 1200))
                udp.send(bytes([first, second]) + rest)
        udp.send(bytes(8000))

        for reason in kinds:
            await until_dropped(server, reason, 50)
        await until_dropped(server, "too-large")


async def test_media_before_the_handshake_is_not_taken(besieged: Besieged) -> None:
    server, _ = besieged
    session = await open_half(server)
    with stranger(server) as udp:
        udp.send(a_check(session))
        udp.recv(2048)
        udp.send(bytes([0x80, 111]) + bytes(50))
        udp.send(bytes([0x80, 200]) + bytes(50))

        await until_dropped(server, "rtp-before-keys")
        await until_dropped(server, "rtcp-before-keys")


async def test_a_handshake_of_garbage_ends_its_own_session_only(besieged: Besieged) -> None:
    server, _ = besieged
    session = await open_half(server)
    with stranger(server) as udp:
        udp.send(a_check(session))
        udp.recv(2048)
        for length in range(20, 400):
            udp.send(bytes([22, 254, 253]) + random.Random(length).randbytes(length))

        await until_alone(server)


async def test_media_that_is_forged_or_replayed_in_a_secured_call_is_not_taken(
    besieged: Besieged,
) -> None:
    server, _ = besieged
    async with open_target(Options(url=server.whip_url)) as target:
        call = await target.call()
        peer, pair = call.peer, call.peer.pair
        sealed = [
            peer.seal(bytes(RtpPacket(call.session.payload_type, n, 960 * n, peer.ssrc, SILENCE)))
            for n in (1, 2)
        ]
        forged = sealed[1][:-1] + bytes([sealed[1][-1] ^ 1])
        rtcp = bytes([0x80, 200]) + bytes(50)

        for datagram in (sealed[0], sealed[0], forged, rtcp):
            pair.path.send(datagram, pair.address)

        await until_dropped(server, "rtp-replayed")
        await until_dropped(server, "rtp-unauthenticated")
        await until_dropped(server, "rtcp-unauthenticated")
        pair.path.send(sealed[1], pair.address)

        async def both_are_taken() -> bool:
            sessions = (await server.stats())["per_session"]
            return any(s["received"]["packets"] == 2 for s in sessions)

        await until(both_are_taken)


HOSTILE_OFFERS = {
    "nothing": ("", 400),
    "no SDP": ("hello", 400),
    "binary": ("\x00\x01\x02" * 100, 400),
    "cut off": (OFFER[: len(OFFER) // 2], 400),
    "no fingerprint": (re.sub(r"a=fingerprint.*\r?\n", "", OFFER), 400),
    "no credentials": (re.sub(r"a=ice-(ufrag|pwd).*\r?\n", "", OFFER), 400),
    "unknown codecs": (OFFER.replace("opus", "sopu").replace("PCM", "MCP"), 422),
    "two tracks": (OFFER + OFFER[OFFER.index("m=audio") :].replace("mid:0", "mid:1"), 422),
    "the same section nine times": (OFFER + OFFER[OFFER.index("m=audio") :] * 8, 400),
    "too big": (OFFER + "a=x:" + "y" * 70_000 + "\r\n", 413),
}


@pytest.mark.parametrize("name", HOSTILE_OFFERS)
async def test_a_hostile_offer_is_a_problem_that_says_what_to_mend(
    server: ServerProcess, name: str
) -> None:
    body, status = HOSTILE_OFFERS[name]

    async with server.http.post(server.whip_url, data=body.encode(), headers=SDP) as response:
        problem = await response.json(content_type="application/problem+json")

    assert response.status == problem["status"] == status
    assert problem["detail"]
    assert "Traceback" not in str(problem)
    assert await server.session_count() == 0


async def test_a_body_that_never_ends_and_one_that_never_comes_are_cut_off(
    besieged: Besieged,
) -> None:
    server, _ = besieged
    began_s = time.monotonic()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"a=x\r\n" * 1000

    async def slow() -> AsyncIterator[bytes]:
        while True:
            yield b"v"
            await asyncio.sleep(0.2)

    async def posted(body: AsyncIterator[bytes]) -> int | None:
        try:
            async with server.http.post(server.whip_url, data=body, headers=SDP) as response:
                return response.status
        except aiohttp.ClientError:
            return None  # cut off while it was still sending, which is an answer too

    statuses = await asyncio.gather(posted(endless()), *(posted(slow()) for _ in range(20)))

    assert statuses[0] in (413, None)
    assert set(statuses[1:]) <= {408, None}
    assert time.monotonic() - began_s < 15
