"""The paper server's media: ICE-lite, DTLS, SRTP and an echo on one UDP socket."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any, cast

from aioice import stun as wire

from whip_conformance.offers import new_credentials
from whip_conformance.paper.flaws import Flaw
from whip_conformance.peer.certificate import Certificate, new_certificate
from whip_conformance.peer.dtls import Dtls, Profile
from whip_conformance.peer.rtp import RtpPacket, Srtp, is_rtcp, read_packet
from whip_conformance.peer.stun import read_message
from whip_conformance.syntax.candidates import Credentials

Address = tuple[str, int]


@dataclass(slots=True)
class MediaSession:
    """One session on the wire. `ice` are our own credentials, the newest last."""

    fingerprint: str
    is_echoed: bool
    dtls: Dtls
    ice: list[Credentials] = field(default_factory=lambda: [new_credentials()])
    used: Credentials | None = None
    address: Address | None = None
    ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    srtp: Srtp | None = None
    last_check_s: float | None = None
    has_restarted: bool = False
    is_ended: bool = False
    is_closed_by_client: bool = False

    @property
    def is_secured(self) -> bool:
        return self.srtp is not None


class Media(asyncio.DatagramProtocol):
    """The socket and everybody on it."""

    def __init__(self, flaws: frozenset[Flaw]) -> None:
        self.flaws = flaws
        self.certificate: Certificate = new_certificate()
        self.sessions: list[MediaSession] = []
        self._by_address: dict[Address, MediaSession] = {}
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def address(self) -> Address:
        assert self._transport is not None, "asked for only once the socket is bound"
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11's own datagram transport is no subclass of the abstract one.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def open(self, fingerprint: str, *, is_echoed: bool) -> MediaSession:
        """A session that waits for its client, whose certificate has this fingerprint."""
        profiles = () if Flaw.NO_SRTP in self.flaws else tuple(Profile)
        dtls = Dtls(self.certificate, is_client=False, profiles=profiles)
        session = MediaSession(fingerprint, is_echoed, dtls)
        self.sessions.append(session)
        return session

    def restart(self, session: MediaSession) -> Credentials:
        """New credentials of ours; those in use stay good until the new ones are used."""
        fresh = new_credentials()
        if Flaw.KEEPS_PASSWORD in self.flaws:
            fresh = Credentials(fresh.ufrag, session.ice[-1].pwd)
        keeps_all = {Flaw.OVERTAKEN_LIVES, Flaw.OLD_CREDENTIALS_LIVE} & self.flaws
        if Flaw.RESTART_KILLS_OLD in self.flaws:
            session.ice = []
            session.address = None
        elif not keeps_all:
            session.ice = [session.used] if session.used is not None else []
        session.ice.append(fresh)
        session.has_restarted = True
        if Flaw.NEW_SSRC in self.flaws:
            session.ssrc = secrets.randbits(32)
        return fresh

    def end(self, session: MediaSession) -> None:
        """Says close_notify and forgets the session."""
        if Flaw.SILENT_END not in self.flaws:
            self._send(session, session.dtls.close())
        session.is_ended = True
        if Flaw.TALKS_ON not in self.flaws and Flaw.CONSENTS_ON not in self.flaws:
            self.sessions.remove(session)
            self._by_address = {a: s for a, s in self._by_address.items() if s is not session}

    def _send(self, session: MediaSession, datagrams: list[bytes]) -> None:
        if session.address is not None and self._transport is not None:
            for datagram in datagrams:
                self._transport.sendto(datagram, session.address)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        address = (addr[0], addr[1])
        if data[0] <= 3:
            self._on_stun(data, address)
        elif (session := self._by_address.get(address)) is None:
            return
        elif 20 <= data[0] <= 63:
            self._on_dtls(session, data)
        elif not session.is_ended or Flaw.TALKS_ON in self.flaws:
            self._on_media(session, data)

    def _on_stun(self, data: bytes, address: Address) -> None:
        message = read_message(data)
        if message is None or message.message_class is not wire.Class.REQUEST:
            return
        ufrag = message.attributes.get("USERNAME", "").partition(":")[0]
        for session in self.sessions:
            for ours in session.ice:
                if ours.ufrag == ufrag:
                    self._on_check(session, ours, message, address)
                    return

    def _on_check(
        self, session: MediaSession, ours: Credentials, check: wire.Message, address: Address
    ) -> None:
        is_right = check.check_message_integrity(ours.pwd.encode())
        if not is_right and Flaw.ANY_CHECK not in self.flaws:
            return
        if session.is_ended and Flaw.CONSENTS_ON not in self.flaws:
            return
        session.last_check_s = asyncio.get_running_loop().time()
        if "USE-CANDIDATE" in check.attributes and ours == session.ice[-1]:
            session.used = ours
            self._by_address[address] = session
            if session.address is None or Flaw.STAYS not in self.flaws:
                session.address = address
            if Flaw.OLD_CREDENTIALS_LIVE not in self.flaws:
                session.ice = [ours]
        response = wire.Message(
            message_method=wire.Method.BINDING,
            message_class=wire.Class.RESPONSE,
            transaction_id=check.transaction_id,
            attributes={"XOR-MAPPED-ADDRESS": address},
        )
        response.add_message_integrity(ours.pwd.encode())
        if self._transport is not None:
            self._transport.sendto(bytes(response), address)

    def _on_dtls(self, session: MediaSession, data: bytes) -> None:
        dtls = session.dtls
        self._send(session, dtls.receive(data))
        session.is_closed_by_client = dtls.is_closed
        if dtls.is_established and session.srtp is None and not session.is_ended:
            is_client = dtls.has_fingerprint(session.fingerprint)
            if not is_client and Flaw.ANY_CERTIFICATE not in self.flaws:
                self._send(session, dtls.close())
                session.is_closed_by_client = True
            elif dtls.profile is not None:
                session.srtp = Srtp(dtls.srtp_keys())

    def _on_media(self, session: MediaSession, data: bytes) -> None:
        if session.srtp is None or not (session.is_echoed or Flaw.TALKS_ON in self.flaws):
            return
        opened = session.srtp.open(data)
        if opened is None or is_rtcp(opened):
            return
        packet = read_packet(opened)
        if packet is None:
            return
        offset = packet.sequence * 7 if Flaw.ECHO_CHANGES_TIME in self.flaws else 0
        echoed = RtpPacket(
            packet.payload_type,
            packet.sequence,
            (packet.timestamp + offset) & 0xFFFFFFFF,
            session.ssrc,
            packet.payload,
        )
        self._send(session, [session.srtp.seal(bytes(echoed))])
