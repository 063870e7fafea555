"""The packet plane in Python: tells apart, opens, counts, rewrites, seals and sends packets.

One call of `_read` per readiness of the socket; no task, await, log or metric for a packet.
Telemetry reads the integers that are left behind.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from voicemedia_server.packets import control, srtp
from voicemedia_server.packets.datagrams import (
    BATCH,
    LARGEST_DATAGRAM_BYTES,
    DatagramSocket,
    Slot,
    capped_receive_buffer_bytes,
    ffi,
    open_datagrams,
    open_udp,
)
from voicemedia_server.packets.ice_tcp import IceTcpListener, TcpPath, open_ice_tcp
from voicemedia_server.packets.peer_end import MAX_PATHS, Listener, PeerEnd, media_stats
from voicemedia_server.ports import (
    Endpoint,
    ListenerReception,
    MediaStats,
    PathKey,
    PeerId,
    PlaneSignals,
    PublicationSpec,
    Sink,
    SrtpKeys,
    SubscriptionSpec,
    Tap,
)
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.relay.publication import Publication
from voicemedia_server.relay.subscription import Subscription

log = structlog.get_logger("packets")

RTP_FIELDS = struct.Struct("!BBHII")
MAX_BATCHES = 4
"""Batches read before the event loop gets its turn; the socket stays readable for the rest."""
MIN_DATAGRAM_BYTES = 12
TICK_S = 0.1
RTP_REFUSALS = {
    **dict.fromkeys(srtp.REPLAY_STATUSES, DropReason.RTP_REPLAYED),
    **dict.fromkeys(srtp.MALFORMED_STATUSES, DropReason.RTP_MALFORMED),
}
"""What libsrtp's statuses mean; any other is a packet that is not authentic."""


@dataclass(frozen=True, slots=True)
class PlaneSettings:
    """`host` of `::` takes IPv6 and IPv4. `coalesce_s`: wait before each read, to form batches."""

    host: str
    port: int
    ice_tcp: bool = True
    receive_buffer_bytes: int = 8 * 1024 * 1024
    coalesce_s: float = 0.0
    tcp_bind_timeout_s: float = 15.0


class PythonPlane:
    """`PacketPlane` on one UDP socket and the event loop that `open` was called on."""

    def __init__(self, settings: PlaneSettings) -> None:
        self._settings = settings
        self._peers: dict[PeerId, PeerEnd] = {}
        self._by_path: dict[PathKey, PeerEnd] = {}
        self._drops: Counter[DropReason] = Counter()
        self._last_peer_id = 0
        self._reports = control.ReportSchedule()
        self._tick_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None
        self._endpoints: tuple[Endpoint, ...] = ()
        self._signals: PlaneSignals
        self._socket: DatagramSocket
        self._loop: asyncio.AbstractEventLoop
        self._tcp: IceTcpListener | None = None
        self._length = ffi.new("int *")
        self._spares = [Slot() for _ in range(BATCH)]
        self._spares_used = 0
        self._is_open = False

    # -- life -------------------------------------------------------------------------------

    async def open(self) -> None:
        """Binds the socket and starts to read. `connect` must have been called. Raises OSError."""
        settings = self._settings
        self._loop = asyncio.get_running_loop()
        udp = open_udp(settings.host, settings.port, settings.receive_buffer_bytes)
        granted_bytes = capped_receive_buffer_bytes(udp, settings.receive_buffer_bytes)
        if granted_bytes is not None:
            log.warning(
                "the kernel caps the receive buffer; raise net.core.rmem_max",
                wanted_bytes=settings.receive_buffer_bytes,
                granted_bytes=granted_bytes,
            )
        self._socket = open_datagrams(udp)
        port = udp.getsockname()[1]
        endpoints = [Endpoint(settings.host, port)]
        try:
            if settings.ice_tcp:
                self._tcp = await open_ice_tcp(
                    self, settings.host, port, settings.tcp_bind_timeout_s
                )
                endpoints.append(Endpoint(settings.host, port, is_tcp=True))
        except OSError:
            self._socket.close()
            raise
        self._endpoints = tuple(endpoints)
        self._is_open = True
        self._loop.add_reader(self._socket.fileno(), self._on_readable)
        self._tick_timer = self._loop.call_later(TICK_S, self._tick)

    async def close(self) -> None:
        """Removes every peer and closes the sockets."""
        for peer_id in tuple(self._peers):
            self.remove_peer(peer_id)
        if not self._is_open:
            return
        self._is_open = False
        for timer in (self._tick_timer, self._read_timer):
            if timer is not None:
                timer.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        if self._tcp is not None:
            await self._tcp.close()

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where this plane listens; known after `open`."""
        return self._endpoints

    def connect(self, signals: PlaneSignals) -> None:
        """Where STUN and DTLS go."""
        self._signals = signals

    # -- peers ------------------------------------------------------------------------------

    def add_peer(self) -> PeerId:
        """A new peer without path, keys or publication."""
        self._last_peer_id += 1
        peer_id = PeerId(self._last_peer_id)
        end = PeerEnd(peer_id, secrets.randbelow(0xFFFFFFFE) + 1, secrets.token_hex(8))
        self._peers[peer_id] = end
        return peer_id

    def bind(self, peer_id: PeerId, path: PathKey) -> None:
        """From now on datagrams from `path` belong to this peer."""
        end = self._peers[peer_id]
        if path in end.paths:
            return
        if len(end.paths) >= MAX_PATHS:
            oldest = next(known for known in end.paths if known != end.selected)
            self._unbind(end, oldest)
            if isinstance(oldest, TcpPath):
                oldest.close()
        before = self._by_path.get(path)
        if before is not None:
            before.paths.pop(path, None)
        self._by_path[path] = end
        end.paths[path] = None

    def _unbind(self, end: PeerEnd, path: PathKey) -> None:
        del end.paths[path]
        if self._by_path.get(path) is end:
            del self._by_path[path]

    def select(self, peer_id: PeerId, path: PathKey) -> None:
        """From now on media for this peer goes to `path`."""
        end = self._peers[peer_id]
        if end.selected == path:
            return
        self._flush()  # what is queued still points at the old destination
        end.selected = path
        end.is_selected_tcp = isinstance(path, TcpPath)
        end.destination = path if end.is_selected_tcp else self._socket.destination(path)

    def secure(self, peer_id: PeerId, keys: SrtpKeys) -> None:
        """Opens SRTP both ways and starts RTCP."""
        end = self._peers[peer_id]
        end.inbound_end, end.outbound_end = srtp.open_ends(keys)
        end.inbound = end.inbound_end.context
        end.outbound = end.outbound_end.context
        self._reports.add(peer_id, is_first=True)

    def publish(self, peer_id: PeerId, spec: PublicationSpec) -> None:
        """What this peer may send."""
        self._peers[peer_id].publication = Publication(spec.codecs, spec.dropped_payload_types)

    def subscribe(self, speaker: PeerId, listener: PeerId, spec: SubscriptionSpec) -> None:
        """The listener gets what the speaker sends, from now on."""
        subscription = Subscription(
            spec.ssrc,
            spec.cname,
            spec.first_sequence,
            spec.payload_types,
            answers_nack=spec.answers_nack,
        )
        speaker_end, listener_end = self._peers[speaker], self._peers[listener]
        entry = Listener(subscription, listener_end)
        speaker_end.listeners.append(entry)
        listener_end.hears.append((speaker_end, entry))

    def open_stream(self, peer_id: PeerId, sink: Sink) -> None:
        """The peer's packets travel in the clear, carried by its edge."""
        self._peers[peer_id].sink = sink

    def end_media(self, peer_id: PeerId) -> None:
        """Says RTCP BYE; from then on no media of this peer is sent or taken."""
        end = self._peers.get(peer_id)
        if end is None:
            return
        end.sink = None
        if end.outbound is None:
            return
        if end.destination is not None:
            self._send_report(end, leaving=True)
        end.inbound = end.outbound = None
        end.inbound_end = end.outbound_end = None

    def remove_peer(self, peer_id: PeerId) -> None:
        """Ends media and forgets the peer; who listens to it and whom it hears are released."""
        self.end_media(peer_id)
        end = self._peers.pop(peer_id, None)
        if end is None:
            return
        for path in tuple(end.paths):
            self._unbind(end, path)
            if isinstance(path, TcpPath):
                path.close()
        for speaker_end, entry in end.hears:
            speaker_end.listeners.remove(entry)
        for entry in end.listeners:
            entry.end.hears = [pair for pair in entry.end.hears if pair[1] is not entry]
        end.hears, end.listeners, end.taps = [], [], []
        if self._is_open:
            self._flush()  # what is queued still points at the destination
        end.destination = None

    def note_reception(self, peer_id: PeerId, reception: ListenerReception) -> None:
        """What a listener's edge was told or measured, in place of RTCP."""
        end = self._peers.get(peer_id)
        if end is not None:
            end.note_reception(reception)

    def add_tap(self, speaker: PeerId, tap: Tap) -> None:
        """`tap(packet)` gets every opened RTP packet of this speaker; it must not block."""
        self._peers[speaker].taps.append(tap)

    def hold_relay(self, speaker: PeerId, *, is_held: bool) -> None:
        """While held, the speaker's packets go to its taps only."""
        self._peers[speaker].is_held = is_held

    def send_inlet(self, speaker: PeerId, packet: bytes) -> None:
        """Sends a packet to the speaker's listeners as if the speaker had sent it."""
        end = self._peers.get(speaker)
        if end is None:
            return
        slot = self._filled(end, packet)
        if slot is None:
            return
        clock_hz = end.publication.clock_hz_by_payload_type.get(slot.second & 0x7F, 48000)
        self._fan_out(end.listeners, slot, clock_hz, time.monotonic_ns())
        self._flush()

    def _filled(self, end: PeerEnd, packet: bytes) -> Slot | None:
        """A spare slot with this RTP packet, or `None` when it is none."""
        if not MIN_DATAGRAM_BYTES <= len(packet) <= LARGEST_DATAGRAM_BYTES:
            is_short = len(packet) < MIN_DATAGRAM_BYTES
            self.count_drop(DropReason.RTP_MALFORMED if is_short else DropReason.TOO_LARGE, end.id)
            return None
        slot = self._spare()
        slot.fill(packet)
        _, slot.second, slot.sequence, slot.timestamp, slot.ssrc = RTP_FIELDS.unpack_from(packet)
        return slot

    # -- sending ----------------------------------------------------------------------------

    def send_to(self, path: PathKey, datagram: bytes) -> None:
        """Sends a datagram along a path, at once."""
        if isinstance(path, TcpPath):
            if not path.send(datagram):
                self.count_drop(DropReason.TCP_BACKLOG)
            return
        self._socket.queue_copy(datagram, self._socket.destination(path))
        self._flush()

    def send_dtls(self, peer_id: PeerId, datagram: bytes) -> None:
        """Sends DTLS to the selected path."""
        end = self._peers.get(peer_id)
        if end is not None and end.selected is not None:
            self.send_to(end.selected, datagram)

    def path_to(self, host: str, port: int) -> PathKey:
        """The path to a literal address over UDP."""
        return self._socket.path_to(host, port)

    def address_of(self, path: PathKey) -> tuple[str, int]:
        """Host and port of a path; IPv4-mapped addresses as IPv4."""
        return path.address if isinstance(path, TcpPath) else self._socket.address_of(path)

    def _flush(self) -> None:
        refused = self._socket.flush()
        self._spares_used = 0
        if refused:
            self._drops[DropReason.SEND_FAILED] += refused

    # -- receiving --------------------------------------------------------------------------

    def _on_readable(self) -> None:
        if self._settings.coalesce_s <= 0:
            self._read()
            return
        self._loop.remove_reader(self._socket.fileno())
        self._read_timer = self._loop.call_later(self._settings.coalesce_s, self._read_coalesced)

    def _read_coalesced(self) -> None:
        self._read_timer = None
        try:
            self._read()
        finally:
            self._loop.add_reader(self._socket.fileno(), self._on_readable)

    def _read(self) -> None:
        datagrams = self._socket
        for _ in range(MAX_BATCHES):
            count = datagrams.receive()
            now_ns = time.monotonic_ns()
            for i in range(count):
                self._take(datagrams.slots[i], datagrams.path(i), now_ns)
            if count:
                self._flush()
            if count < BATCH:
                return

    def take_frame(self, frame: bytes, path: TcpPath) -> None:
        """One datagram that came over ICE-TCP."""
        slot = self._spare()
        slot.fill(frame)
        self._take(slot, path, time.monotonic_ns())
        self._flush()

    def path_lost(self, path: TcpPath) -> None:
        """An ICE-TCP connection was closed."""
        end = self._by_path.get(path)
        if end is None:
            return
        self._unbind(end, path)
        if end.selected == path:
            end.selected = end.destination = None
        self._signals.path_closed(end.id, path)

    def is_bound(self, path: TcpPath) -> bool:
        """Whether a valid check has bound this connection to a peer."""
        return path in self._by_path

    def count_oversized(self) -> None:
        """A TCP frame that no datagram of ours can be."""
        self.count_drop(DropReason.TOO_LARGE)

    def _take(self, slot: Slot, path: PathKey, now_ns: int) -> None:
        """Tells a datagram's kind by its first two bytes (RFC 7983, RFC 5761)."""
        buffer = slot.buffer
        if not MIN_DATAGRAM_BYTES <= slot.length <= LARGEST_DATAGRAM_BYTES:
            is_short = slot.length < MIN_DATAGRAM_BYTES
            self._drops[DropReason.UNKNOWN_KIND if is_short else DropReason.TOO_LARGE] += 1
            return
        first = buffer[0]
        if 127 < first < 192:
            end = self._by_path.get(path)
            if 191 < buffer[1] < 224:
                self._take_rtcp(end, slot)
            else:
                self._take_rtp(end, slot, now_ns)
        elif first < 4:
            self._signals.stun_received(slot.view[: slot.length], path)
        elif 19 < first < 64:
            end = self._by_path.get(path)
            if end is None:
                self._drops[DropReason.DTLS_UNBOUND] += 1
            else:
                self._signals.dtls_received(end.id, slot.view[: slot.length])
        else:
            self._drops[DropReason.UNKNOWN_KIND] += 1

    # -- the packet path --------------------------------------------------------------------

    def _take_rtp(self, end: PeerEnd | None, slot: Slot, now_ns: int) -> None:
        """Opens, counts and hands on one RTP packet."""
        if end is None:
            self._drops[DropReason.RTP_UNBOUND] += 1
            return
        if end.inbound is None:
            self.count_drop(DropReason.RTP_BEFORE_KEYS, end.id)
            return
        length_p = self._length
        length_p[0] = slot.length
        status = srtp.unprotect(end.inbound, slot.buffer, length_p)
        if status != srtp.OK:
            self.count_drop(RTP_REFUSALS.get(status, DropReason.RTP_UNAUTHENTICATED), end.id)
            return
        slot.length = length_p[0]
        _, slot.second, slot.sequence, slot.timestamp, slot.ssrc = RTP_FIELDS.unpack_from(slot.view)
        publication = end.publication
        clock_hz = publication.clock_hz_by_payload_type.get(slot.second & 0x7F)
        if (slot.ssrc != publication.ssrc or clock_hz is None) and not self._admit(end, slot):
            return
        self._hand_on(end, slot, now_ns)

    def take_packet(self, peer_id: PeerId, packet: bytes) -> None:
        """One RTP packet that an edge received for a peer of its own."""
        end = self._peers.get(peer_id)
        if end is None or end.sink is None:
            return
        slot = self._filled(end, packet)
        if slot is None:
            return
        publication = end.publication
        clock_hz = publication.clock_hz_by_payload_type.get(slot.second & 0x7F)
        if (slot.ssrc == publication.ssrc and clock_hz is not None) or self._admit(end, slot):
            self._hand_on(end, slot, time.monotonic_ns())
        self._flush()

    def _hand_on(self, end: PeerEnd, slot: Slot, now_ns: int) -> None:
        """Counts one opened packet, and gives it to taps and listeners."""
        publication = end.publication
        reception = publication.reception
        assert reception is not None, "a publication with an SSRC has a reception"
        reception.receive(slot.sequence, slot.timestamp, now_ns)
        publication.bytes_received += slot.length
        end.last_media_ns = now_ns
        if end.taps or end.is_held:
            packet = slot.view[: slot.length]
            for tap in end.taps:
                tap(packet)
            if end.is_held:
                return
        listeners = end.listeners
        if len(listeners) == 1:
            self._seal(listeners[0], slot, reception.clock_hz, now_ns)
        elif listeners:
            self._fan_out(listeners, slot, reception.clock_hz, now_ns)

    def _admit(self, end: PeerEnd, slot: Slot) -> bool:
        """Whether to take a packet of a source or payload type that was not heard just before."""
        publication = end.publication
        payload_type = slot.second & 0x7F
        if not publication.admits_source(slot.ssrc):
            if end.inbound_end is not None:
                end.inbound_end.forget_stream(slot.ssrc)
            self.count_drop(DropReason.RTP_SSRC_FLOOD, end.id)
            return False
        clock_hz = publication.clock_hz_by_payload_type.get(payload_type)
        if clock_hz is None:
            is_video = payload_type in publication.dropped_payload_types
            self.count_drop(
                DropReason.RTP_VIDEO if is_video else DropReason.RTP_UNKNOWN_PAYLOAD_TYPE, end.id
            )
            return False
        publication.switch_source(slot.ssrc, clock_hz)
        return True

    def _seal(self, listener: Listener, slot: Slot, clock_hz: int, now_ns: int) -> None:
        """Rewrites and seals the packet where it lies, and queues it."""
        to = listener.end
        if to.outbound is None or to.destination is None:
            self._pour(listener, slot, clock_hz, now_ns)
            return
        subscription = listener.subscription
        if slot.ssrc != subscription.source_ssrc:
            subscription.switch_source(slot.ssrc, slot.sequence, slot.timestamp, clock_hz, now_ns)
        sequence = subscription.rewrite(
            slot.view, slot.second, slot.sequence, slot.timestamp, now_ns
        )
        length_p = self._length
        length_p[0] = slot.length
        status = srtp.protect(to.outbound, slot.buffer, length_p)
        if status != srtp.OK:  # a sequence number that was sent before, after a jump backwards
            self.count_drop(DropReason.SEAL_REFUSED, to.id)
            return
        subscription.packets_sent += 1
        subscription.bytes_sent += slot.length - MIN_DATAGRAM_BYTES
        slot.length = length_p[0]
        if subscription.history is not None:
            subscription.history.store(sequence, slot.view[: slot.length])
        if to.is_selected_tcp:
            self.send_to(to.destination, slot.view[: slot.length])
        else:
            self._socket.queue(slot, to.destination)

    def _pour(self, listener: Listener, slot: Slot, clock_hz: int, now_ns: int) -> None:
        """Rewrites the packet for a listener whose edge carries it in the clear."""
        sink, subscription = listener.end.sink, listener.subscription
        if sink is None:
            self.count_drop(DropReason.LISTENER_NOT_READY, listener.end.id)
            return
        if slot.ssrc != subscription.source_ssrc:
            subscription.switch_source(slot.ssrc, slot.sequence, slot.timestamp, clock_hz, now_ns)
        subscription.rewrite(slot.view, slot.second, slot.sequence, slot.timestamp, now_ns)
        subscription.packets_sent += 1
        subscription.bytes_sent += slot.length - MIN_DATAGRAM_BYTES
        sink(bytes(slot.view[: slot.length]))

    def _fan_out(self, listeners: list[Listener], slot: Slot, clock_hz: int, now_ns: int) -> None:
        """The same packet for each listener, sealed with the keys of each."""
        packet = slot.view[: slot.length]
        for listener in listeners:
            copy = self._spare()
            copy.fill(packet)
            copy.second, copy.sequence = slot.second, slot.sequence
            copy.timestamp, copy.ssrc = slot.timestamp, slot.ssrc
            self._seal(listener, copy, clock_hz, now_ns)

    def _spare(self) -> Slot:
        """A slot that is free until the next flush."""
        if self._spares_used == BATCH:
            self._flush()
        slot = self._spares[self._spares_used]
        self._spares_used += 1
        return slot

    # -- RTCP -------------------------------------------------------------------------------

    def _take_rtcp(self, end: PeerEnd | None, slot: Slot) -> None:
        if end is None:
            self._drops[DropReason.RTCP_UNBOUND] += 1
            return
        taken = control.take(end, slot, self._length)
        for reason in taken.drops:
            self.count_drop(reason, end.id)
        if end.selected is not None:
            for sealed in taken.resent:
                self.send_to(end.selected, sealed)

    def _tick(self) -> None:
        """Sends the reports that are due, ten times a second."""
        for peer_id in self._reports.due(time.monotonic_ns()):
            end = self._peers.get(peer_id)
            if end is not None and end.outbound is not None:
                if end.destination is not None:
                    self._send_report(end)
                self._reports.add(peer_id)
        self._flush()
        self._tick_timer = self._loop.call_later(TICK_S, self._tick)

    def _send_report(self, end: PeerEnd, *, leaving: bool = False) -> None:
        slot = self._spare()
        if not control.seal_report(end, slot, self._length, leaving=leaving):
            self.count_drop(DropReason.SEAL_REFUSED, end.id)
            return
        assert end.selected is not None, "a report goes to a selected path"
        self.send_to(end.selected, slot.view[: slot.length])

    # -- what telemetry reads ---------------------------------------------------------------

    def last_media_ns(self, peer_id: PeerId) -> int | None:
        """When the last packet of this peer was taken."""
        return self._peers[peer_id].last_media_ns

    def count_drop(self, reason: DropReason, peer_id: PeerId | None = None) -> None:
        """Counts a drop, and for the peer too where one is to blame."""
        self._drops[reason] += 1
        end = self._peers.get(peer_id) if peer_id is not None else None
        if end is not None:
            end.drops[reason] += 1

    def drops(self) -> Mapping[DropReason, int]:
        """All drops since the start, also those of peers that have left."""
        return self._drops

    def stats(self, peer_id: PeerId) -> MediaStats:
        """What was counted for a peer; raises KeyError for one that was removed."""
        end = self._peers[peer_id]
        return media_stats(end)
