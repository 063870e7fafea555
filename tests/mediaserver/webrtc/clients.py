"""A WebRTC client in small pieces: checks by aioice, DTLS by aiortc, media by pylibsrtp."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

from aioice import stun
from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from aiortc.rtcicetransport import RTCIceTransport

from mediaserver.packets.builders import OPUS, Link, Rtp, Scene, a_subscription
from mediaserver.webrtc.builders import THEIRS, an_offer
from voicemedia_server.ports import PublicationSpec
from voicemedia_server.sessions.lifecycle import CloseReason, Signal
from voicemedia_server.sessions.offer import Fingerprint, IceCredentials, SessionId
from voicemedia_server.webrtc.addresses import Advertised
from voicemedia_server.webrtc.offer import read_offer
from voicemedia_server.webrtc.peers import WebRtcPeer, WebRtcPeers

CERTIFICATE = RTCCertificate.generateCertificate()


def fingerprint_line(certificate: RTCCertificate = CERTIFICATE) -> str:
    """As it stands in an offer."""
    digest = next(f for f in certificate.getFingerprints() if f.algorithm == "sha-256")
    return f"a=fingerprint:{digest.algorithm} {digest.value}"


@dataclass
class Signals:
    """What a peer told the service."""

    seen: list[tuple[Signal, CloseReason | None]] = field(default_factory=list)

    def __call__(self, signal: Signal, reason: CloseReason | None) -> None:
        self.seen.append((signal, reason))


class Server:
    """Our side: the peers of a plane that runs, and the sessions that a test opens."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.plane = scene.plane
        self.peers = WebRtcPeers(scene.plane, [Advertised("127.0.0.1")])
        self.opened: list[WebRtcPeer] = []

    def accept(self, offer: bytes = b"", signals: Signals | None = None) -> WebRtcPeer:
        """A session that is echoed, as the service opens one."""
        offer = offer or an_offer(changed={"a=fingerprint": fingerprint_line()})
        peer_id = self.plane.add_peer()
        peer = self.peers.accept(read_offer(offer), peer_id, SessionId("s"), signals or Signals())
        self.plane.publish(peer_id, PublicationSpec((OPUS,)))
        self.plane.subscribe(peer_id, peer_id, a_subscription())
        self.opened.append(peer)
        return peer

    async def close(self) -> None:
        """Ends all sessions."""
        for peer in self.opened:
            await peer.close()
            self.plane.remove_peer(peer.peer_id)


@dataclass(frozen=True, slots=True)
class Names:
    """The credentials that a client checks with: ours from the answer, its own."""

    ours: IceCredentials
    theirs: IceCredentials = THEIRS


class Client:
    """The far side, on a link of its own."""

    def __init__(self, link: Link, names: Names, expected: Fingerprint) -> None:
        self.link = link
        self.names = names
        self.expected = expected
        self._dtls = RTCDtlsTransport(cast(RTCIceTransport, _Pipe(link)), [CERTIFICATE])
        self._expected = RTCDtlsParameters([RTCDtlsFingerprint(expected.algorithm, expected.value)])

    def check(self, *, nominates: bool = True, role: str = "ICE-CONTROLLING") -> bytes:
        """A check as bytes."""
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{self.names.ours.ufrag}:{self.names.theirs.ufrag}"
        message.attributes["PRIORITY"] = 0x6E7F00FF
        message.attributes[role] = 1
        if nominates:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity(self.names.ours.pwd.encode())
        return bytes(message)

    async def ask(self, check: bytes | None = None) -> stun.Message:
        """Sends a check, and returns what comes back for it."""
        check = check or self.check()
        self.link.send(check)
        while True:
            datagram = await self.link.receive()
            if datagram[0] < 4 and datagram[8:20] == check[8:20]:
                return stun.parse_message(datagram)

    async def connect(self) -> None:
        """A check, then DTLS."""
        await self.ask()
        await self._dtls.start(self._expected)

    @property
    def dtls_state(self) -> str:
        """As aiortc names it."""
        return self._dtls.state

    def say(self, packet: Rtp) -> None:
        """Sends speech."""
        self.link.send(self._dtls._tx_srtp.protect(packet.encode()))

    async def hear(self) -> Rtp:
        """The next packet of speech; aiortc's own reader takes DTLS off the link meanwhile."""
        pipe = cast(_Pipe, self._dtls.transport)
        async with asyncio.timeout(10):
            return Rtp.decode(self._dtls._rx_srtp.unprotect(await pipe.media.get()))

    async def hang_up(self) -> None:
        """Sends close_notify and waits for aiortc's own task to end."""
        pump = self._dtls._task
        await self._dtls.stop()
        if pump is not None:
            await asyncio.wait([pump])


class _Pipe:
    """A link as aiortc's DTLS wants it: the controlled side begins. Media is put aside."""

    role = "controlled"

    def __init__(self, link: Link) -> None:
        self._link = link
        self.media: asyncio.Queue[bytes] = asyncio.Queue()

    async def _recv(self) -> bytes:
        while True:
            datagram = await self._link.receive()
            if 20 <= datagram[0] <= 63:
                return datagram
            if datagram[0] >= 128 and not 192 <= datagram[1] <= 223:
                self.media.put_nowait(datagram)

    async def _send(self, datagram: bytes) -> None:
        self._link.send(datagram)


def a_client(server: Server, peer: WebRtcPeer, link: Link | None = None) -> Client:
    """A client that has read the answer to its offer."""
    names = Names(ours=peer.ice.credentials)
    return Client(link or server.scene.udp(), names, server.peers.certificate.fingerprint)
