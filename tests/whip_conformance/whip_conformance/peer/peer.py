"""The raw client itself: paths, checks, nomination, DTLS, SRTP, consent.

A shell: it sends what `stun`, `dtls` and `rtp` return and keeps `seen` up to date. The owner
closes it with `close_dtls` (politely) and `vanish`.
"""

from __future__ import annotations

import asyncio
import random
import socket
from dataclasses import dataclass

from aioice import stun as wire

from whip_conformance.offers import Identity, new_credentials
from whip_conformance.peer import stun
from whip_conformance.peer.certificate import Certificate, new_certificate
from whip_conformance.peer.dtls import HANDSHAKE_RECORD, Dtls, Profile, record_types
from whip_conformance.peer.path import HOST_PRIORITY, Address, Path
from whip_conformance.peer.rtp import (
    OPUS_SILENCE,
    PACKET_TIME_S,
    SAMPLES_PER_PACKET,
    RtpPacket,
    Srtp,
    is_rtcp,
    read_packet,
)
from whip_conformance.peer.seen import Seen
from whip_conformance.syntax.candidates import Candidate, Credentials

CHECK_INTERVAL_S = 0.05
MAX_CONSENT_INTERVAL_S = 4.0
"""RFC 7675 section 5.1: 5 seconds, less 20 %."""


class PeerError(Exception):
    """The connection cannot be made; the message says at which step."""


@dataclass(frozen=True, slots=True)
class RemoteIce:
    """The server's side of one ICE session."""

    credentials: Credentials
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A candidate pair: our socket and the server's address, with both sides' credentials."""

    path: Path
    address: Address
    ours: Credentials
    theirs: Credentials


async def local_address(towards: str) -> tuple[socket.AddressFamily, str]:
    """The address of ours that the kernel would send from to reach this host.

    Raises `PeerError` where it cannot be reached.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(towards, 9, type=socket.SOCK_DGRAM)
        family, _, _, _, address = found[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
            return family, probe.getsockname()[0]
    except OSError as error:
        raise PeerError("the server's host cannot be reached from here") from error


class Peer:
    """One client. `profiles` are the SRTP profiles that it offers in DTLS."""

    def __init__(
        self,
        certificate: Certificate | None = None,
        profiles: tuple[Profile, ...] = tuple(Profile),
    ) -> None:
        self.consent_interval_s = MAX_CONSENT_INTERVAL_S
        self._certificate = certificate or new_certificate()
        self._profiles = profiles
        self._paths: list[Path] = []
        self._known = [new_credentials()]
        self._waiting: dict[bytes, Credentials] = {}
        self._selected: Pair | None = None
        self._dtls: Dtls | None = None
        self._srtp: Srtp | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._sequence = random.randrange(1 << 15)
        self._timestamp = random.randrange(1 << 31)
        self.ssrc = random.randrange(1 << 32)
        self.seen = Seen()

    @property
    def credentials(self) -> Credentials:
        """Our own credentials of the newest ICE session."""
        return self._known[-1]

    @property
    def identity(self) -> Identity:
        """What to write into an offer."""
        return Identity(self.credentials, self._certificate.fingerprint)

    @property
    def pair(self) -> Pair:
        """The nominated pair. Raises `PeerError` before there is one."""
        if self._selected is None:
            raise PeerError("no candidate pair was nominated yet")
        return self._selected

    @property
    def is_secured(self) -> bool:
        """DTLS is done and SRTP can flow."""
        return self._srtp is not None

    @property
    def is_closed_by_server(self) -> bool:
        """The server's close_notify was seen."""
        return self._dtls is not None and self._dtls.is_closed

    @property
    def dtls_failure(self) -> str | None:
        """Why DTLS broke, None while it did not."""
        return None if self._dtls is None else self._dtls.failure

    @property
    def srtp_profile(self) -> Profile | None:
        return None if self._dtls is None else self._dtls.profile

    def renew(self) -> Credentials:
        """Fresh credentials for an ICE restart; the old ones are still answered to."""
        self._known.append(new_credentials())
        return self.credentials

    async def open_path(self, family: socket.AddressFamily = socket.AF_INET) -> Path:
        """A new socket to send from."""
        path = await Path.open(family, self._on_datagram)
        self._paths.append(path)
        return path

    async def host_candidate(self, towards: str) -> tuple[Path, Candidate]:
        """A new path and its host candidate, as this server would see it. Raises `PeerError`."""
        family, address = await local_address(towards)
        path = await self.open_path(family)
        return path, Candidate("1", 1, "udp", HOST_PRIORITY, address, path.port, "host")

    async def reach(self, remote: RemoteIce, within_s: float, path: Path | None = None) -> Pair:
        """Checks every candidate, nominates the first that answers. Raises `PeerError`."""
        usable = [c for c in remote.candidates if c.is_usable and not c.is_link_local]
        if not usable:
            raise PeerError("the server gave no candidate that can be checked over UDP")
        pairs: list[Pair] = []
        for candidate in sorted(usable, key=lambda c: -c.priority):
            assert candidate.family is not None, "usable candidates have literal addresses"
            local = path or await self._path_for(candidate.family)
            if local is not None and candidate.family is local.family:
                address = (candidate.host, candidate.port)
                pairs.append(Pair(local, address, self.credentials, remote.credentials))
        answered = await self._race(pairs, within_s)
        if answered is None:
            raise PeerError(f"no candidate answered a connectivity check within {within_s:g} s")
        if not await self.check(answered, within_s, is_nominating=True):
            raise PeerError("the nominating check was not answered")
        self._selected = answered
        self._keep_consent()
        return answered

    async def _path_for(self, family: socket.AddressFamily) -> Path | None:
        for path in self._paths:
            if path.family is family:
                return path
        try:
            return await self.open_path(family)
        except OSError:
            return None  # a host without this address family: the other candidates decide

    async def _race(self, pairs: list[Pair], within_s: float) -> Pair | None:
        sent: dict[bytes, Pair] = {}
        loop = asyncio.get_running_loop()
        end_s = loop.time() + within_s
        while loop.time() < end_s:
            for pair in pairs:
                sent[self._send_check(pair, is_nominating=False)] = pair
            if await self.seen.until(lambda: bool(self.seen.successes & set(sent)), 0.2):
                return next(sent[t] for t in self.seen.successes if t in sent)
        return None

    def _send_check(self, pair: Pair, *, is_nominating: bool) -> bytes:
        request = stun.new_check(pair.ours, pair.theirs, is_nominating=is_nominating)
        self._waiting[request.transaction] = pair.theirs
        pair.path.send(request.datagram, pair.address)
        return request.transaction

    async def check(self, pair: Pair, within_s: float, *, is_nominating: bool = False) -> bool:
        """Whether the server answers a check on this pair with success, sent until it does."""
        sent: set[bytes] = set()
        loop = asyncio.get_running_loop()
        end_s = loop.time() + within_s
        while (left_s := end_s - loop.time()) > 0:
            sent.add(self._send_check(pair, is_nominating=is_nominating))
            if await self.seen.until(
                lambda: bool(self.seen.successes & sent), min(2 * CHECK_INTERVAL_S, left_s)
            ):
                return True
        return False

    def send_raw(self, pair: Pair, request: stun.Request, key: Credentials) -> None:
        """Sends a check of the caller's own making; `key` opens its answer."""
        self._waiting[request.transaction] = key
        pair.path.send(request.datagram, pair.address)

    async def secure(self, setup: str, fingerprint: str, within_s: float) -> None:
        """The DTLS handshake on the nominated pair. Raises `PeerError`.

        `setup` and `fingerprint` are the server's attributes.
        """
        self.start_dtls(setup)
        dtls = self._dtls
        assert dtls is not None, "start_dtls made it"
        await self.seen.until(
            lambda: dtls.is_established or dtls.failure is not None or dtls.is_closed, within_s
        )
        if dtls.failure is not None:
            raise PeerError(dtls.failure)
        if not dtls.is_established:
            raise PeerError(f"DTLS was not established within {within_s:g} s")
        if not dtls.has_fingerprint(fingerprint):
            raise PeerError("the server's certificate is not that of the answer's fingerprint")
        if self._srtp is None:
            raise PeerError("DTLS was established without an SRTP profile")

    def start_dtls(self, setup: str) -> None:
        """Begins the handshake; a server that is `active` is waited for."""
        self._dtls = Dtls(self._certificate, is_client=setup != "active", profiles=self._profiles)
        if setup != "active":
            self._send(self._dtls.start())
        self._arm_retransmission()

    def seal(self, packet: bytes) -> bytes:
        """An RTP packet of the caller's own making as SRTP, not sent."""
        assert self._srtp is not None, "media is sealed only once DTLS is done"
        return self._srtp.seal(packet)

    def send_media(self, payload_type: int, count: int = 1) -> list[RtpPacket]:
        """Sends RTP packets at once, 20 ms of media time apart."""
        assert self._srtp is not None, "media is sent only once DTLS is done"
        packets: list[RtpPacket] = []
        for _ in range(count):
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._timestamp = (self._timestamp + SAMPLES_PER_PACKET) & 0xFFFFFFFF
            payload = OPUS_SILENCE + random.randbytes(12)
            packet = RtpPacket(payload_type, self._sequence, self._timestamp, self.ssrc, payload)
            packets.append(packet)
            self._send([self._srtp.seal(bytes(packet))])
        return packets

    async def stream(self, payload_type: int, count: int) -> list[RtpPacket]:
        """Sends packets in real time and returns those that came back within a second more."""
        first = len(self.seen.packets)
        sent: list[RtpPacket] = []
        for _ in range(count):
            sent += self.send_media(payload_type)
            await asyncio.sleep(PACKET_TIME_S)
        payloads = {packet.payload for packet in sent}

        def back() -> list[RtpPacket]:
            return [p for p in self.seen.packets[first:] if p.payload in payloads]

        await self.seen.until(lambda: len(back()) >= count, 1.0)
        return back()

    def close_dtls(self) -> None:
        """Says goodbye with close_notify and goes on listening."""
        if self._dtls is not None:
            self._send(self._dtls.close())

    def vanish(self) -> None:
        """Every socket and timer is gone, without a word to the server."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for path in self._paths:
            path.close()

    def _send(self, datagrams: list[bytes]) -> None:
        if self._selected is not None:
            for datagram in datagrams:
                self._selected.path.send(datagram, self._selected.address)

    def _keep_consent(self) -> None:
        loop = asyncio.get_running_loop()

        def renew() -> None:
            if self._selected is not None:
                self._send_check(self._selected, is_nominating=False)
            self._timers["consent"] = loop.call_later(self.consent_interval_s, renew)

        if "consent" not in self._timers:
            self._timers["consent"] = loop.call_later(self.consent_interval_s, renew)

    def _arm_retransmission(self) -> None:
        if (timer := self._timers.pop("dtls", None)) is not None:
            timer.cancel()
        timeout_s = None if self._dtls is None else self._dtls.timeout_s
        if timeout_s is not None:
            loop = asyncio.get_running_loop()
            self._timers["dtls"] = loop.call_later(max(timeout_s, 0.02), self._retransmit)

    def _retransmit(self) -> None:
        if self._dtls is not None:
            self._send(self._dtls.retransmit())
        self._timers.pop("dtls", None)
        self._arm_retransmission()

    def _on_datagram(self, path: Path, data: bytes, address: Address) -> None:
        if not data:
            return
        self.seen.datagrams += 1
        if data[0] <= 3:
            self._on_stun(path, data, address)
        elif 20 <= data[0] <= 63:
            self._on_dtls(path, data)
        elif 128 <= data[0] <= 191:
            self._on_media(path, data)
        self.seen.tell()

    def _on_stun(self, path: Path, data: bytes, address: Address) -> None:
        message = stun.read_message(data)
        if message is None:
            return
        if message.message_class is wire.Class.REQUEST:
            self.seen.checks += 1
            for ours in self._known:
                response = stun.answer_to(message, ours, address)
                if response is not None:
                    path.send(response, address)
                    return
        key = self._waiting.get(message.transaction_id)
        if key is None:
            return
        if message.message_class is wire.Class.ERROR:
            self.seen.error_responses += 1
        elif message.check_message_integrity(key.pwd.encode()):
            self.seen.successes.add(message.transaction_id)

    def _on_dtls(self, path: Path, data: bytes) -> None:
        dtls = self._dtls
        if dtls is None:
            return
        self.seen.by_port[path.port] += 1
        if dtls.is_established:
            self.seen.handshake_records += record_types(data).count(HANDSHAKE_RECORD)
        self._send(dtls.receive(data))
        if dtls.is_established and self._srtp is None and dtls.profile is not None:
            self._srtp = Srtp(dtls.srtp_keys())
        self._arm_retransmission()

    def _on_media(self, path: Path, data: bytes) -> None:
        self.seen.by_port[path.port] += 1
        opened = None if self._srtp is None else self._srtp.open(data)
        if opened is None:
            self.seen.unopened += 1
        elif is_rtcp(opened):
            self.seen.rtcp += 1
        elif (packet := read_packet(opened)) is not None:
            self.seen.packets.append(packet)
