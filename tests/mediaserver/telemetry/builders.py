"""A service whose sessions have counted what a test says."""

from __future__ import annotations

from voicemedia_server.packets.python_plane import PlaneSettings, PythonPlane
from voicemedia_server.ports import (
    EchoIdentity,
    IceDescription,
    MediaStats,
    OnSignal,
    PeerId,
)
from voicemedia_server.service import Capacity, SessionService, Surroundings
from voicemedia_server.session import OpenRequest, Session
from voicemedia_server.sessions.deadlines import Limits
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
from voicemedia_server.telemetry.metrics import Metrics

OPUS = Codec(111, "opus", 48000, 2)
AUDIO = MediaSection("audio", "0", Direction.SENDRECV, "UDP/TLS/RTP/SAVPF", ("111",), (OPUS,))
OFFER = Offer(
    media=(AUDIO,),
    bundle=("0",),
    ice=IceCredentials("ufrag", "password"),
    ice_options=(),
    fingerprints=(Fingerprint("sha-256", "00"),),
    setup="actpass",
)
AGREEMENT = Agreement((AnsweredSection(AUDIO, Direction.SENDRECV, (OPUS,)),))


TALKED = MediaStats(
    packets_received=98,
    bytes_received=9_000,
    packets_lost=2,
    jitter_s=0.004,
    packets_sent=97,
    bytes_sent=8_000,
    round_trip_s=0.03,
    playout_s=0.08,
)


class ScriptedPlane(PythonPlane):
    """A plane without a socket, whose peers have counted what `counted` says."""

    def __init__(self) -> None:
        super().__init__(PlaneSettings("127.0.0.1", 0))
        self.counted: dict[PeerId, MediaStats] = {}

    def stats(self, peer_id: PeerId) -> MediaStats:
        """What was said, else what the peer has really counted: nothing."""
        return self.counted.get(peer_id) or super().stats(peer_id)


class QuietPeer:
    """A peer that nobody ever checks."""

    ice = IceDescription(IceCredentials("ufrag", "password"), ())
    last_check_ns: int | None = None

    def __init__(self, on_signal: OnSignal) -> None:
        self.on_signal = on_signal

    def restart(self, remote: IceCredentials) -> IceDescription:
        """The same again."""
        return self.ice

    async def close(self) -> None:
        """Nothing to free."""


class QuietPeers:
    """Makes peers that say nothing by themselves."""

    def read_offer(self, sdp: bytes) -> Offer:
        """Always the same."""
        return OFFER

    def accept(
        self, offer: Offer, peer_id: PeerId, session_id: SessionId, on_signal: OnSignal
    ) -> QuietPeer:
        """A peer; the test sends its signals."""
        return QuietPeer(on_signal)

    def write_answer(
        self, offer: Offer, agreement: Agreement, ice: IceDescription, echo: EchoIdentity | None
    ) -> str:
        """An answer that nobody reads."""
        return "v=0"


class Observed:
    """A service, its plane, and metrics that watch them."""

    def __init__(self) -> None:
        self.metrics = Metrics("1.2.3", "python")
        self.plane = ScriptedPlane()
        self.service = SessionService(
            QuietPeers(),
            self.plane,
            Limits(15, 8, 30, 60, 0),
            Capacity(max_sessions=300, max_pending=200),
            Surroundings([self.metrics]),
        )
        self.metrics.read_from(self.service, self.plane)

    async def open(self, stats: MediaStats | None = None) -> Session:
        """A session that has counted this."""
        now_ns = self.service.now_ns()
        session = await self.service.open_session(OpenRequest(OFFER, AGREEMENT, "anyone", now_ns))
        if stats is not None:
            self.plane.counted[session.peer_id] = stats
        return session

    async def scrape(self, accept: str = "") -> str:
        """The exposition as text."""
        _, body = await self.metrics.render(accept)
        return body.decode()

    async def value(self, series: str) -> float:
        """The value of one series, written as in the exposition."""
        for line in (await self.scrape()).splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        raise AssertionError(f"there is no series {series}")
