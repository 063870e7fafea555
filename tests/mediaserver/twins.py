"""Small working twins of the packet plane and the WebRTC side, for tests of what stands below
them: a plane that only remembers, and peers that connect when a test says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from voicemedia_server.ports import (
    EchoIdentity,
    Endpoint,
    IceDescription,
    ListenerReception,
    MediaStats,
    OnSignal,
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
from voicemedia_server.sessions.lifecycle import CloseReason, Signal
from voicemedia_server.sessions.offer import (
    Agreement,
    AnsweredSection,
    Codec,
    Direction,
    Fingerprint,
    IceCredentials,
    MediaSection,
    Offer,
    SessionId,
)
from voicemedia_server.webrtc.offer import read_offer

OPUS = Codec(111, "opus", 48000, 2, "minptime=10;useinbandfec=1")
CREDENTIALS = IceCredentials("abcd", "a" * 22)


def audio_section(direction: Direction = Direction.SENDRECV, mid: str = "0") -> MediaSection:
    """A section as a browser offers it, but for what the test names."""
    return MediaSection("audio", mid, direction, "UDP/TLS/RTP/SAVPF", ("111",), (OPUS,))


def an_offer(*media: MediaSection, setup: str = "actpass") -> Offer:
    """An offer of these sections, by default of one that would be echoed."""
    sections = media or (audio_section(),)
    return Offer(
        media=sections,
        bundle=tuple(section.mid for section in sections),
        ice=CREDENTIALS,
        ice_options=("trickle",),
        fingerprints=(Fingerprint("sha-256", ":".join(["AB"] * 32)),),
        setup=setup,
    )


def an_agreement(offer: Offer) -> Agreement:
    """Every section taken as it was offered."""
    return Agreement(tuple(AnsweredSection(s, s.direction, s.codecs) for s in offer.media))


class MemoryPlane:
    """`PacketPlane` without packets: what was asked of it can be looked at."""

    def __init__(self) -> None:
        self.peers: dict[PeerId, PublicationSpec | None] = {}
        self.subscriptions: list[tuple[PeerId, PeerId, SubscriptionSpec]] = []
        self.ended: list[PeerId] = []
        self.sinks: dict[PeerId, Sink] = {}
        self.receptions: dict[PeerId, ListenerReception] = {}
        self.media_ns: dict[PeerId, int] = {}
        self.counted: Counter[DropReason] = Counter()
        self._last = 0

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return (Endpoint("127.0.0.1", 3478),)

    def connect(self, signals: PlaneSignals) -> None:
        return

    def add_peer(self) -> PeerId:
        self._last += 1
        self.peers[PeerId(self._last)] = None
        return PeerId(self._last)

    def bind(self, peer_id: PeerId, path: PathKey) -> None:
        return

    def select(self, peer_id: PeerId, path: PathKey) -> None:
        return

    def secure(self, peer_id: PeerId, keys: SrtpKeys) -> None:
        return

    def publish(self, peer_id: PeerId, spec: PublicationSpec) -> None:
        self.peers[peer_id] = spec

    def subscribe(self, speaker: PeerId, listener: PeerId, spec: SubscriptionSpec) -> None:
        self.subscriptions.append((speaker, listener, spec))

    def send_to(self, path: PathKey, datagram: bytes) -> None:
        return

    def send_dtls(self, peer_id: PeerId, datagram: bytes) -> None:
        return

    def path_to(self, host: str, port: int) -> PathKey:
        return (host, port)

    def address_of(self, path: PathKey) -> tuple[str, int]:
        return ("127.0.0.1", 1)

    def open_stream(self, peer_id: PeerId, sink: Sink) -> None:
        self.sinks[peer_id] = sink

    def take_packet(self, peer_id: PeerId, packet: bytes) -> None:
        """Echoes where a peer hears itself."""
        if any(peer_id == speaker == listener for speaker, listener, _ in self.subscriptions):
            self.sinks[peer_id](packet)

    def note_reception(self, peer_id: PeerId, reception: ListenerReception) -> None:
        self.receptions[peer_id] = reception

    def end_media(self, peer_id: PeerId) -> None:
        self.ended.append(peer_id)

    def remove_peer(self, peer_id: PeerId) -> None:
        self.peers.pop(peer_id, None)

    def stats(self, peer_id: PeerId) -> MediaStats:
        return MediaStats(last_media_ns=self.media_ns.get(peer_id))

    def last_media_ns(self, peer_id: PeerId) -> int | None:
        return self.media_ns.get(peer_id)

    def count_drop(self, reason: DropReason, peer_id: PeerId | None = None) -> None:
        self.counted[reason] += 1

    def drops(self) -> Mapping[DropReason, int]:
        return self.counted

    def add_tap(self, speaker: PeerId, tap: Tap) -> None:
        return

    def send_inlet(self, speaker: PeerId, packet: bytes) -> None:
        return

    def hold_relay(self, speaker: PeerId, *, is_held: bool) -> None:
        return


class MemoryPeer:
    """`Peer` whose life the test plays."""

    def __init__(self, on_signal: OnSignal) -> None:
        self.signal = on_signal
        self.last_check_ns: int | None = None
        self.is_closed = False
        self.restarts: list[IceCredentials] = []

    @property
    def ice(self) -> IceDescription:
        pwd = "b" * 22
        return IceDescription(
            IceCredentials(f"our{len(self.restarts)}", pwd), ("u1 1 udp 1 127.0.0.1 3478 typ host",)
        )

    def restart(self, remote: IceCredentials) -> IceDescription:
        self.restarts.append(remote)
        return self.ice

    async def close(self) -> None:
        self.is_closed = True


class MemoryPeers:
    """`Peers` that reads real SDP and makes `MemoryPeer`s, the newest last in `made`."""

    def __init__(self) -> None:
        self.made: list[MemoryPeer] = []

    def read_offer(self, sdp: bytes) -> Offer:
        return read_offer(sdp)

    def accept(
        self, offer: Offer, peer_id: PeerId, session_id: SessionId, on_signal: OnSignal
    ) -> MemoryPeer:
        self.made.append(MemoryPeer(on_signal))
        return self.made[-1]

    def write_answer(
        self, offer: Offer, agreement: Agreement, ice: IceDescription, echo: EchoIdentity | None
    ) -> str:
        return f"v=0\r\na=ice-ufrag:{ice.credentials.ufrag}\r\n"

    def connect(self, peer: MemoryPeer, now_ns: int = 0) -> None:
        """Plays a set-up that goes well."""
        peer.last_check_ns = now_ns
        peer.signal(Signal.CHECKED, None)
        peer.signal(Signal.SECURED, None)

    def hang_up(self, peer: MemoryPeer) -> None:
        """Plays a close_notify."""
        peer.signal(Signal.ENDED, CloseReason.CLOSED_BY_PEER)
