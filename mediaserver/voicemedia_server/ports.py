"""What the service needs of the rooms above it, as Protocols, and the documents they exchange.

Two planes will implement `PacketPlane` (Python today, Rust later); `Peers` is the WebRTC side.
Every call here is made on the event loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType, Protocol

from voicemedia_rollout.document import Rollout
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.routing.decision import Decision
from voicemedia_server.sessions.lifecycle import CloseReason, Signal, State
from voicemedia_server.sessions.offer import Agreement, Codec, IceCredentials, Offer, SessionId
from voicemedia_server.sessions.sound import Transport

PeerId = NewType("PeerId", int)
"""A transport end inside the packet plane; never used again after it was removed."""

Ssrc = NewType("Ssrc", int)

PathKey = Hashable
"""Where datagrams come from and go to: opaque to everybody but the plane that made it."""


class SrtpProfile(StrEnum):
    """SRTP protection profiles by their OpenSSL names (RFC 5764, RFC 7714)."""

    AES128_CM_SHA1_80 = "SRTP_AES128_CM_SHA1_80"
    AEAD_AES_128_GCM = "SRTP_AEAD_AES_128_GCM"
    AEAD_AES_256_GCM = "SRTP_AEAD_AES_256_GCM"


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master key and salt, concatenated, for each direction."""

    profile: SrtpProfile
    inbound: bytes
    outbound: bytes

    def __repr__(self) -> str:
        return f"SrtpKeys({self.profile}, …)"


@dataclass(frozen=True, slots=True)
class PublicationSpec:
    """What a peer may send: the audio codecs agreed, and payload types to discard as video."""

    codecs: tuple[Codec, ...]
    dropped_payload_types: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class SubscriptionSpec:
    """How a publication is sent to one listener.

    `payload_types` maps the speaker's payload types to the listener's; a type that is not in it
    is passed unchanged. `first_sequence` is drawn at random by the caller (RFC 3550 section 5.1).
    `answers_nack` keeps a bounded history of sent packets.
    """

    ssrc: Ssrc
    cname: str
    first_sequence: int
    payload_types: Mapping[int, int]
    answers_nack: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the plane listens. `host` is a literal address; `is_tcp` means ICE-TCP passive."""

    host: str
    port: int
    is_tcp: bool = False


@dataclass(frozen=True, slots=True)
class MediaStats:
    """What the plane counted for one peer. `remote_*` is what the peer reported about our stream;
    `playout_s` is from our sending of a frame until we heard that it was played.

    Times are monotonic nanoseconds; `None` where nothing was seen yet.
    """

    packets_received: int = 0
    bytes_received: int = 0
    packets_lost: int = 0
    packets_out_of_order: int = 0
    jitter_s: float = 0.0
    packets_sent: int = 0
    bytes_sent: int = 0
    packets_resent: int = 0
    nacks_received: int = 0
    round_trip_s: float | None = None
    remote_packets_lost: int | None = None
    remote_fraction_lost: float | None = None
    remote_jitter_s: float | None = None
    playout_s: float | None = None
    remote_buffered_s: float | None = None
    remote_underruns: int | None = None
    last_media_ns: int | None = None
    has_said_bye: bool = False
    drops: Mapping[DropReason, int] | None = None


@dataclass(frozen=True, slots=True)
class ListenerReception:
    """How a listener without RTCP hears us; `None` for what is not known.

    `playout_s` is from our sending of a frame until we heard that it was played; `buffered_s` is
    the sound that waits at the listener, `underruns` how often it had none to play.
    """

    round_trip_s: float | None = None
    packets_lost: int | None = None
    jitter_s: float | None = None
    playout_s: float | None = None
    buffered_s: float | None = None
    underruns: int | None = None


class PlaneSignals(Protocol):
    """What the plane hands up: everything that is not RTP or RTCP. Implemented by `webrtc`."""

    def stun_received(self, datagram: bytes, path: PathKey) -> None: ...

    def dtls_received(self, peer_id: PeerId, datagram: bytes) -> None: ...

    def path_closed(self, peer_id: PeerId, path: PathKey) -> None: ...


class PacketPlane(Protocol):
    """The packet plane: one socket for all peers; opens, counts, rewrites, seals and sends RTP."""

    @property
    def endpoints(self) -> tuple[Endpoint, ...]: ...

    def connect(self, signals: PlaneSignals) -> None: ...

    def add_peer(self) -> PeerId: ...

    def bind(self, peer_id: PeerId, path: PathKey) -> None:
        """From now on datagrams from `path` belong to this peer."""
        ...

    def select(self, peer_id: PeerId, path: PathKey) -> None:
        """From now on media for this peer goes to `path`, which must be bound to it."""
        ...

    def secure(self, peer_id: PeerId, keys: SrtpKeys) -> None: ...

    def publish(self, peer_id: PeerId, spec: PublicationSpec) -> None: ...

    def subscribe(self, speaker: PeerId, listener: PeerId, spec: SubscriptionSpec) -> None: ...

    def send_to(self, path: PathKey, datagram: bytes) -> None:
        """Sends STUN to where it came from."""
        ...

    def send_dtls(self, peer_id: PeerId, datagram: bytes) -> None:
        """Sends DTLS to the peer's selected path; nothing happens while there is none."""
        ...

    def path_to(self, host: str, port: int) -> PathKey:
        """The path to a literal address over UDP, for asking a STUN server."""
        ...

    def address_of(self, path: PathKey) -> tuple[str, int]:
        """Host and port of a path, IPv4-mapped addresses as IPv4."""
        ...

    def end_media(self, peer_id: PeerId) -> None:
        """Says RTCP BYE; from then on no media of this peer is sent or taken."""
        ...

    def remove_peer(self, peer_id: PeerId) -> None:
        """Ends media, forgets keys, paths, publication and subscriptions."""
        ...

    def stats(self, peer_id: PeerId) -> MediaStats: ...

    def last_media_ns(self, peer_id: PeerId) -> int | None: ...

    def count_drop(self, reason: DropReason, peer_id: PeerId | None = None) -> None: ...

    def drops(self) -> Mapping[DropReason, int]:
        """All drops since the start, also those of peers that have left."""
        ...

    def open_stream(self, peer_id: PeerId, sink: Sink) -> None:
        """From now on the peer's packets travel in the clear, carried by its edge: it gives those
        that it received to `take_packet`, and `sink(packet)` gets those that are to be sent."""
        ...

    def take_packet(self, peer_id: PeerId, packet: bytes) -> None:
        """An RTP packet that an edge received. A peer that was removed is no matter."""
        ...

    def note_reception(self, peer_id: PeerId, reception: ListenerReception) -> None:
        """What a listener's edge was told or measured, in place of RTCP."""
        ...

    def add_tap(self, speaker: PeerId, tap: Tap) -> None:
        """`tap(packet)` gets every opened RTP packet of this speaker; it must not block."""
        ...

    def send_inlet(self, speaker: PeerId, packet: bytes) -> None:
        """Feeds an RTP packet to the speaker's subscriptions as if the speaker had sent it."""
        ...

    def hold_relay(self, speaker: PeerId, *, is_held: bool) -> None:
        """While held, the speaker's own packets go to taps only; `send_inlet` still goes on."""
        ...


Tap = Callable[[bytes], None]
Sink = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class IceDescription:
    """Our side of an ICE session, as attributes of SDP (RFC 8839), without `a=`."""

    credentials: IceCredentials
    candidates: tuple[str, ...]
    options: tuple[str, ...] = ()
    is_lite: bool = True


class Connection(Protocol):
    """What carries one session's packets."""

    @property
    def last_check_ns(self) -> int | None:
        """When the client was last heard, media apart: monotonic nanoseconds."""
        ...

    async def close(self) -> None:
        """Frees everything. WebRTC: revokes consent, sends the DTLS close_notify."""
        ...


class Peer(Connection, Protocol):
    """One WebRTC connection: ICE-lite and DTLS of one session."""

    @property
    def ice(self) -> IceDescription: ...

    def restart(self, remote: IceCredentials) -> IceDescription:
        """New credentials; the old ones stay good until the new ones are used."""
        ...


OnSignal = Callable[[Signal, CloseReason | None], None]


@dataclass(frozen=True, slots=True)
class EchoIdentity:
    """Names of the stream that we send back, as they stand in the answer."""

    ssrc: Ssrc
    cname: str
    stream_id: str
    track_id: str


class Peers(Protocol):
    """The WebRTC side: reads offers, makes peers and writes answers."""

    def read_offer(self, sdp: bytes) -> Offer:
        """Raises `OfferMalformed` where the body is no SDP that a WebRTC client could have sent."""
        ...

    def accept(
        self, offer: Offer, peer_id: PeerId, session_id: SessionId, on_signal: OnSignal
    ) -> Peer: ...

    def write_answer(
        self, offer: Offer, agreement: Agreement, ice: IceDescription, echo: EchoIdentity | None
    ) -> str: ...


@dataclass(slots=True)
class DecoderCounts:
    """Packets by what became of them. `lost` are those that were given up, of which `recovered`
    came back by FEC and `concealed` were replaced; `foreign` have a payload type without sound."""

    decoded: int = 0
    lost: int = 0
    recovered: int = 0
    concealed: int = 0
    late: int = 0
    duplicated: int = 0
    malformed: int = 0
    foreign: int = 0


@dataclass(frozen=True, slots=True)
class TranscodeReading:
    """Figures since the start, also of sessions that have ended; `sessions` are those of now."""

    sessions: int = 0
    failures: int = 0
    packets_encoded: int = 0
    decoder: DecoderCounts = field(default_factory=DecoderCounts)


class Transcoding(Protocol):
    """Decodes the sound of peers that ask, and encodes it again; implemented by `transcode`."""

    def check_room(self) -> None:
        """Raises `AtCapacity` when no further peer can be served."""
        ...

    def attach(self, peer_id: PeerId, codecs: Sequence[Codec]) -> None:
        """From now on the peer's listeners get its sound encoded anew, by the first of `codecs`.

        Raises `AtCapacity`.
        """
        ...

    def detach(self, peer_id: PeerId) -> None:
        """Ends it; call it before the peer is removed. A peer without it is no matter."""
        ...

    def reading(self) -> TranscodeReading: ...


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended. `last_state` is the one that it was in, `decision` what it was born
    with, if it was decided on."""

    transport: Transport
    reason: CloseReason
    last_state: State
    duration_s: float
    decision: Decision | None = None


class SessionObserver(Protocol):
    """Told of each step of a session's life, once; implemented by `telemetry`. Must not block."""

    def session_opened(self, transport: Transport, setup_s: float) -> None:
        """`setup_s`: from the request to the answer."""
        ...

    def session_connected(
        self, transport: Transport, since_opened_s: float, decision: Decision | None
    ) -> None: ...

    def session_ended(self, ending: Ending, stats: MediaStats) -> None: ...

    def session_broke(self, decision: Decision | None) -> None:
        """It was admitted, but a fault of ours kept it from being made."""
        ...


class FlagsUnavailable(Exception):
    """The flag document cannot be read or written now."""


class RevisionConflict(Exception):
    """A document was to replace one that it was not made from."""


class FlagStore(Protocol):
    """Where the flag document is kept; implemented by `flags` and `registry`."""

    async def read(self) -> str | None:
        """The document's text, or `None` where there is none. Raises `FlagsUnavailable`."""
        ...

    async def replace(self, rollout: Rollout) -> None:
        """Writes the next revision. Raises `RevisionConflict` or `FlagsUnavailable`."""
        ...

    def know(self, text: str) -> None:
        """A document that came by another way: where others read this store too, it is put into
        it, unless what is there is newer."""
        ...

    async def watch(self, take: Callable[[str], None]) -> None:
        """Calls `take` with the text now and after each change, until cancelled. While the store
        is away nothing is given: the last snapshot counts."""
        ...
