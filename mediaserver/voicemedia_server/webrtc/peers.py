"""All WebRTC connections of the process: gives each datagram of STUN and DTLS to its peer."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence

import structlog
from aioice import stun

from voicemedia_server.ports import (
    EchoIdentity,
    IceDescription,
    OnSignal,
    PacketPlane,
    PathKey,
    PeerId,
)
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.sessions.lifecycle import CloseReason, Signal
from voicemedia_server.sessions.offer import Agreement, IceCredentials, Offer, SessionId
from voicemedia_server.webrtc.addresses import Advertised, candidates
from voicemedia_server.webrtc.answer import write_answer
from voicemedia_server.webrtc.dtls import Certificate, DtlsServer, HandshakeFailed
from voicemedia_server.webrtc.ice_lite import (
    IcePair,
    StunDropped,
    answer_check,
    new_credentials,
    read_check,
    read_stun,
)
from voicemedia_server.webrtc.offer import read_offer
from voicemedia_server.webrtc.reflexive import ReflexiveDiscovery

log = structlog.get_logger("webrtc")

ICE_OPTIONS = ("trickle", "ice2")
REMEMBERED_CHECKS = 64
CERTIFICATE_AGE_NS = 24 * 3600 * 1_000_000_000
"""New sessions get a new certificate after a day; aiortc's are valid for thirty."""


class WebRtcPeer:
    """ICE-lite and DTLS of one session. `pairs` holds the current ICE session, and after a
    restart the new one too until the client uses it (RFC 9725 section 4.3.3)."""

    def __init__(
        self, peers: WebRtcPeers, offer: Offer, peer_id: PeerId, on_signal: OnSignal
    ) -> None:
        self._peers = peers
        self._on_signal = on_signal
        self._handshake: asyncio.Task[None] | None = None
        self._checks: dict[bytes, PathKey] = {}
        self.peer_id = peer_id
        self.last_check_ns: int | None = None
        self.pairs = [IcePair(new_credentials(os.urandom), offer.ice)]
        self.dtls = DtlsServer(
            peers.certificate,
            offer.fingerprints,
            lambda datagram: peers.plane.send_dtls(peer_id, datagram),
            lambda: on_signal(Signal.ENDED, CloseReason.CLOSED_BY_PEER),
        )

    @property
    def ice(self) -> IceDescription:
        """Our side of the newest ICE session."""
        return IceDescription(
            credentials=self.pairs[-1].local,
            candidates=self._peers.candidates,
            options=ICE_OPTIONS,
        )

    def restart(self, remote: IceCredentials) -> IceDescription:
        """New credentials; the old ones stay good until a check uses the new ones."""
        for superseded in self.pairs[1:]:
            self._peers.forget_ufrag(superseded)
        del self.pairs[1:]
        self.pairs.append(IcePair(new_credentials(os.urandom), remote))
        self._peers.know_ufrag(self.pairs[-1], self)
        return self.ice

    def is_replay(self, transaction_id: bytes, path: PathKey) -> bool:
        """Whether this check was seen before from elsewhere: somebody recorded it.

        The same check from the same path is a retransmission. The last `REMEMBERED_CHECKS` are
        remembered; an ICE restart makes all older ones worthless.
        """
        known = self._checks.setdefault(transaction_id, path)
        if len(self._checks) > REMEMBERED_CHECKS:
            del self._checks[next(iter(self._checks))]
        return known != path

    def checked(self, pair: IcePair) -> None:
        """A valid check came: the ICE session that it belongs to is the current one."""
        self.last_check_ns = time.monotonic_ns()
        if pair is not self.pairs[0]:
            for superseded in self.pairs[:-1]:
                self._peers.forget_ufrag(superseded)
            del self.pairs[:-1]
        if self._handshake is None:
            self._handshake = asyncio.get_running_loop().create_task(self._secure())
            self._on_signal(Signal.CHECKED, None)

    async def _secure(self) -> None:
        try:
            keys = await self.dtls.handshake()
        except HandshakeFailed:
            self._on_signal(Signal.ENDED, CloseReason.DTLS_FAILED)
            return
        except Exception:  # the task's root: whatever a hostile handshake brings up ends it alone
            log.exception("DTLS handshake broke")
            self._on_signal(Signal.ENDED, CloseReason.DTLS_FAILED)
            return
        self._peers.plane.secure(self.peer_id, keys)
        self._on_signal(Signal.SECURED, None)

    async def close(self) -> None:
        """No check is answered from now on; sends close_notify and frees everything."""
        self._peers.forget(self)
        handshake, self._handshake = self._handshake, None  # cuts the circle peer → task → peer
        if handshake is not None:
            handshake.cancel()
            await asyncio.wait([handshake])
        await self.dtls.close()


class WebRtcPeers:
    """Implements `Peers` for the service and `PlaneSignals` for the plane."""

    def __init__(self, plane: PacketPlane, addresses: Sequence[Advertised]) -> None:
        self.plane = plane
        self._addresses = tuple(addresses)
        self._by_ufrag: dict[str, tuple[WebRtcPeer, IcePair]] = {}
        self._by_id: dict[PeerId, WebRtcPeer] = {}
        self._certificate = Certificate.generateCertificate()
        self._certificate_made_ns = time.monotonic_ns()
        self.discovery: ReflexiveDiscovery | None = None
        plane.connect(self)

    # -- what the service asks --------------------------------------------------------------

    def read_offer(self, sdp: bytes) -> Offer:
        """Raises `OfferMalformed`."""
        return read_offer(sdp)

    def accept(
        self, offer: Offer, peer_id: PeerId, session_id: SessionId, on_signal: OnSignal
    ) -> WebRtcPeer:
        """A peer that waits for its first check."""
        peer = WebRtcPeer(self, offer, peer_id, on_signal)
        self._by_id[peer_id] = peer
        self.know_ufrag(peer.pairs[0], peer)
        return peer

    def write_answer(
        self, offer: Offer, agreement: Agreement, ice: IceDescription, echo: EchoIdentity | None
    ) -> str:
        """The SDP answer."""
        return write_answer(offer, agreement, ice, [self._certificate.fingerprint], echo)

    # -- what peers ask ---------------------------------------------------------------------

    @property
    def certificate(self) -> Certificate:
        """The certificate for new sessions."""
        if time.monotonic_ns() - self._certificate_made_ns > CERTIFICATE_AGE_NS:
            self._certificate = Certificate.generateCertificate()
            self._certificate_made_ns = time.monotonic_ns()
        return self._certificate

    @property
    def addresses(self) -> tuple[Advertised, ...]:
        """The addresses that clients are told."""
        return self._addresses

    @property
    def candidates(self) -> tuple[str, ...]:
        """All our candidates as they are known now."""
        return candidates(self._addresses, self.plane.endpoints)

    def add_address(self, address: Advertised) -> None:
        """An address that was learned; answers name it from now on."""
        if address not in self._addresses:
            self._addresses = (*self._addresses, address)

    def know_ufrag(self, pair: IcePair, peer: WebRtcPeer) -> None:
        """Checks for this pair belong to this peer."""
        self._by_ufrag[pair.local.ufrag] = (peer, pair)

    def forget_ufrag(self, pair: IcePair) -> None:
        """Checks for this pair get no answer any more."""
        self._by_ufrag.pop(pair.local.ufrag, None)

    def forget(self, peer: WebRtcPeer) -> None:
        """Consent is revoked at once (RFC 7675 section 5.2)."""
        for pair in peer.pairs:
            self.forget_ufrag(pair)
        self._by_id.pop(peer.peer_id, None)

    # -- what the plane hands up ------------------------------------------------------------

    def stun_received(self, datagram: bytes, path: PathKey) -> None:
        """Answers a valid check and binds its path; drops and counts everything else."""
        try:
            message = read_stun(datagram)
            if message.message_class is stun.Class.RESPONSE and self.discovery is not None:
                if not self.discovery.take(message):
                    raise StunDropped(DropReason.STUN_NOT_A_CHECK)
                return
            check = read_check(message)
            known = self._by_ufrag.get(check.local_ufrag)
            if known is None:
                raise StunDropped(DropReason.STUN_UNKNOWN_UFRAG)
            peer, pair = known
            response = answer_check(check, pair, self.plane.address_of(path))
            if peer.is_replay(message.transaction_id, path):
                raise StunDropped(DropReason.STUN_REPLAYED)
        except StunDropped as dropped:
            self.plane.count_drop(dropped.reason)
            if dropped.response is not None:
                self.plane.send_to(path, dropped.response)
            return
        self.plane.send_to(path, response)
        self.plane.bind(peer.peer_id, path)
        if check.nominates or peer.last_check_ns is None:
            self.plane.select(peer.peer_id, path)
        peer.checked(pair)

    def dtls_received(self, peer_id: PeerId, datagram: bytes) -> None:
        """Gives a DTLS record to its peer."""
        peer = self._by_id.get(peer_id)
        if peer is not None and not peer.dtls.receive(datagram):
            self.plane.count_drop(DropReason.DTLS_BACKLOG, peer_id)

    def path_closed(self, peer_id: PeerId, path: PathKey) -> None:
        """An ICE-TCP connection is gone; the client may check another path, or consent ends."""
