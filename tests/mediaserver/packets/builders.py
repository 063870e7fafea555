"""A running plane, and clients on loopback that speak to it as a browser would after DTLS."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Protocol

import pylibsrtp

from voicemedia_server.packets import srtp
from voicemedia_server.packets.python_plane import PlaneSettings, PythonPlane
from voicemedia_server.ports import (
    PathKey,
    PeerId,
    PublicationSpec,
    SrtpKeys,
    SrtpProfile,
    Ssrc,
    SubscriptionSpec,
)
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.rtp import rtcp
from voicemedia_server.sessions.offer import Codec

WITHIN_S = 10.0
OPUS = Codec(payload_type=111, name="opus", clock_hz=48_000, channels=2, feedback=("nack",))
PCMU = Codec(payload_type=0, name="pcmu", clock_hz=8_000)
VIDEO_PT = 96
VOICE = 0x0C0FFEE0
"""The SSRC under which a caller speaks unless a test says otherwise."""

MASTER_BYTES = {
    SrtpProfile.AES128_CM_SHA1_80: 30,
    SrtpProfile.AEAD_AES_128_GCM: 28,
    SrtpProfile.AEAD_AES_256_GCM: 44,
}


async def until(condition: Callable[[], bool]) -> None:
    """Returns as soon as the condition is true; a test that waits in vain fails here.

    What is waited for lies in sockets and counters, so there is no event to wait on.
    """
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110  # no event tells of it
            await asyncio.sleep(0.001)


@dataclass(frozen=True, slots=True)
class Rtp:
    """An RTP packet in the clear."""

    sequence: int = 500
    timestamp: int = 160_000
    ssrc: int = VOICE
    payload_type: int = 111
    marker: bool = False
    payload: bytes = b"sixty milliseconds of silence"

    def encode(self) -> bytes:
        """Its bytes (RFC 3550 section 5.1)."""
        second = self.payload_type | (0x80 if self.marker else 0)
        head = struct.pack("!BBHII", 0x80, second, self.sequence, self.timestamp, self.ssrc)
        return head + self.payload

    @staticmethod
    def decode(data: bytes) -> Rtp:
        """Reads a packet without extension."""
        _, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
        return Rtp(sequence, timestamp, ssrc, second & 0x7F, second >= 0x80, data[12:])


class SignalLedger:
    """Takes what the plane hands up and writes it down."""

    def __init__(self) -> None:
        self.stun: list[tuple[bytes, PathKey]] = []
        self.dtls: list[tuple[PeerId, bytes]] = []
        self.closed: list[tuple[PeerId, PathKey]] = []

    def stun_received(self, datagram: bytes, path: PathKey) -> None:
        self.stun.append((datagram, path))

    def dtls_received(self, peer_id: PeerId, datagram: bytes) -> None:
        self.dtls.append((peer_id, datagram))

    def path_closed(self, peer_id: PeerId, path: PathKey) -> None:
        self.closed.append((peer_id, path))


class Link(Protocol):
    """A client's way to the plane: datagrams there and back."""

    def send(self, datagram: bytes) -> None: ...

    async def receive(self) -> bytes: ...

    def close(self) -> None: ...


class UdpLink:
    """Datagrams over UDP."""

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect((host, port))

    def send(self, datagram: bytes) -> None:
        self.socket.send(datagram)

    async def receive(self) -> bytes:
        async with asyncio.timeout(WITHIN_S):
            return await asyncio.get_running_loop().sock_recv(self.socket, 4096)

    def close(self) -> None:
        self.socket.close()


class TcpLink:
    """Frames over ICE-TCP (RFC 4571)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, datagram: bytes) -> None:
        self.writer.write(len(datagram).to_bytes(2, "big") + datagram)

    async def receive(self) -> bytes:
        async with asyncio.timeout(WITHIN_S):
            length = int.from_bytes(await self.reader.readexactly(2), "big")
            return await self.reader.readexactly(length)

    async def ended(self) -> None:
        """Returns when the server has ended the connection."""
        async with asyncio.timeout(WITHIN_S):
            with contextlib.suppress(ConnectionResetError):
                await self.reader.read()

    def close(self) -> None:
        self.writer.transport.abort()


def some_keys(seed: str, profile: SrtpProfile = SrtpProfile.AES128_CM_SHA1_80) -> SrtpKeys:
    """Keys of the right length that differ by seed and direction."""

    def master(direction: str) -> bytes:
        return hashlib.shake_256(f"{seed} {direction}".encode()).digest(MASTER_BYTES[profile])

    return SrtpKeys(profile, inbound=master("in"), outbound=master("out"))


class Caller:
    """A client with keys: seals and opens with pylibsrtp's public session."""

    def __init__(self, plane: PythonPlane, peer_id: PeerId, path: PathKey, link: Link) -> None:
        self.plane = plane
        self.peer_id = peer_id
        self.path = path
        self.link = link
        self._seal: pylibsrtp.Session
        self._open: pylibsrtp.Session

    def secure(self, profile: SrtpProfile = SrtpProfile.AES128_CM_SHA1_80) -> None:
        """Gives both sides their keys, as DTLS would."""
        keys = some_keys(f"peer {self.peer_id}", profile)
        self._seal = _session(keys.inbound, keys.profile, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._open = _session(keys.outbound, keys.profile, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self.plane.secure(self.peer_id, keys)

    def sealed(self, packet: Rtp) -> bytes:
        """A packet of speech as it goes over the wire."""
        return self._seal.protect(packet.encode())

    def say(self, *packets: Rtp) -> None:
        """Sends packets of speech."""
        for packet in packets:
            self.link.send(self.sealed(packet))

    def report(self, *packets: rtcp.RtcpPacket) -> None:
        """Sends RTCP."""
        self.report_bytes(rtcp.build_compound(*packets))

    def report_bytes(self, compound: bytes) -> None:
        """Sends bytes as RTCP."""
        self.link.send(self._seal.protect_rtcp(compound))

    async def hear(self) -> Rtp:
        """The next packet of speech; reports before it are passed over."""
        return Rtp.decode(self._open.unprotect(await self.hear_sealed()))

    async def hear_sealed(self) -> bytes:
        """The next packet of speech as it came over the wire."""
        while is_rtcp(datagram := await self.link.receive()):
            pass
        return datagram

    async def read_report(self) -> tuple[rtcp.RtcpPacket, ...]:
        """The next RTCP packet; speech before it is passed over."""
        while not is_rtcp(datagram := await self.link.receive()):
            pass
        return rtcp.parse_compound(self._open.unprotect_rtcp(datagram))


def is_rtcp(datagram: bytes) -> bool:
    """By the second byte (RFC 5761)."""
    return 192 <= datagram[1] <= 223


def _session(master: bytes, profile: SrtpProfile, ssrc_type: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=master, ssrc_type=ssrc_type, srtp_profile=srtp.PROFILES[profile])
    policy.allow_repeat_tx = True
    return pylibsrtp.Session(policy)


class Scene:
    """A plane that runs, its ledger, and the callers that a test brings in."""

    def __init__(self, plane: PythonPlane, signals: SignalLedger) -> None:
        self.plane = plane
        self.signals = signals
        self.newest: PeerId
        self._links: list[Link] = []

    def udp(self, host: str = "127.0.0.1") -> UdpLink:
        """A socket of a stranger."""
        link = UdpLink(host, self.plane.endpoints[0].port)
        self._links.append(link)
        return link

    async def tcp(self, host: str = "127.0.0.1", receive_buffer_bytes: int = 0) -> TcpLink:
        """A connection of a stranger."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        raw = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer_bytes:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        raw.setblocking(False)
        port = self.plane.endpoints[0].port
        await asyncio.get_running_loop().sock_connect(raw, (host, port))
        link = TcpLink(*await asyncio.open_connection(sock=raw))
        self._links.append(link)
        return link

    async def path_of(self, link: Link) -> PathKey:
        """The plane's path to a link: a STUN message goes up, and tells it."""
        known = len(self.signals.stun)
        link.send(b"\0\1\0\0" + bytes(16))
        await until(lambda: len(self.signals.stun) > known)
        return self.signals.stun[-1][1]

    async def bound(self, link: Link | None = None) -> Caller:
        """A caller whose path is bound and selected, before DTLS is done."""
        link = link or self.udp()
        path = await self.path_of(link)
        peer_id = self.newest = self.plane.add_peer()
        self.plane.bind(peer_id, path)
        self.plane.select(peer_id, path)
        return Caller(self.plane, peer_id, path, link)

    async def listener(self, link: Link | None = None) -> Caller:
        """A caller with keys who hears nobody yet."""
        caller = await self.bound(link)
        caller.secure()
        return caller

    async def speaker(self, link: Link | None = None, *codecs: Codec) -> Caller:
        """A caller with keys who may send Opus and PCMU, and video that is dropped."""
        caller = await self.listener(link)
        dropped = frozenset({VIDEO_PT})
        self.plane.publish(caller.peer_id, PublicationSpec(codecs or (OPUS, PCMU), dropped))
        return caller

    async def echoed(self, link: Link | None = None) -> Caller:
        """A speaker who hears itself."""
        caller = await self.speaker(link)
        self.subscribe(caller, caller)
        return caller

    def subscribe(
        self, speaker: Caller, listener: Caller, spec: SubscriptionSpec | None = None
    ) -> None:
        """The listener hears the speaker."""
        self.plane.subscribe(speaker.peer_id, listener.peer_id, spec or a_subscription())

    def close(self) -> None:
        """Closes all links."""
        for link in self._links:
            link.close()


ECHO_SSRC = Ssrc(0xEC400001)


def a_subscription(
    *, ssrc: Ssrc = ECHO_SSRC, first_sequence: int = 9000, answers_nack: bool = True
) -> SubscriptionSpec:
    """How a listener gets a stream."""
    return SubscriptionSpec(
        ssrc=ssrc,
        cname="echo",
        first_sequence=first_sequence,
        payload_types={},
        answers_nack=answers_nack,
    )


@contextlib.asynccontextmanager
async def a_scene(settings: PlaneSettings | None = None) -> AsyncIterator[Scene]:
    """A plane on a loopback port that the kernel chooses, UDP only unless settings say more."""
    settings = settings or PlaneSettings("127.0.0.1", 0, ice_tcp=False)
    signals = SignalLedger()
    plane = await _open(replace(settings, port=0), signals)
    scene = Scene(plane, signals)
    try:
        yield scene
    finally:
        scene.close()
        await plane.close()


async def _open(settings: PlaneSettings, signals: SignalLedger) -> PythonPlane:
    """Tries again where the number that UDP got is taken for TCP."""
    for _ in range(20):
        plane = PythonPlane(settings)
        plane.connect(signals)
        with contextlib.suppress(OSError):
            await plane.open()
            return plane
    raise AssertionError("no number was free for both UDP and TCP")


def drops(scene: Scene) -> dict[DropReason, int]:
    """What was dropped, without the noughts."""
    return {reason: count for reason, count in scene.plane.drops().items() if count}


async def assert_still_echoed(caller: Caller, sequence: int = 40_000) -> None:
    """A call goes on whatever happened before; what was still on its way is passed over."""
    packet = Rtp(sequence=sequence, payload=b"still here %d" % sequence)
    caller.say(packet)
    while (await caller.hear()).payload != packet.payload:
        pass


def waiting(caller: Caller) -> bytes:
    """What already lies at the caller's socket."""
    assert isinstance(caller.link, UdpLink)
    return caller.link.socket.recv(4096)
