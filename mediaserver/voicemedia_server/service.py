"""Opens, watches, drains and closes sessions. Knows asyncio, but neither HTTP nor WebRTC.

Everything that a session acquires goes on its exit stack, so that it is freed whole and in
reverse order, however it ends.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import structlog

from voicemedia_server.audit import Happening, SessionFacts
from voicemedia_server.ports import (
    EchoIdentity,
    Ending,
    IceDescription,
    MediaStats,
    PacketPlane,
    Peers,
    PublicationSpec,
    SessionObserver,
    Ssrc,
    SubscriptionSpec,
    Transcoding,
)
from voicemedia_server.registry_port import Alone, Claims, FleetFull, SessionRecord
from voicemedia_server.routing.decision import Decision
from voicemedia_server.routing.outcome import outcome_of
from voicemedia_server.session import (
    LABEL_CHARS,
    EventKind,
    OpenRequest,
    Session,
    SessionEvent,
    SessionIdentity,
    StreamRequest,
    WebRtcSession,
    new_session_id,
)
from voicemedia_server.sessions.admission import retry_after_s
from voicemedia_server.sessions.deadlines import NS_PER_S, Limits, Times, judge
from voicemedia_server.sessions.lifecycle import CloseReason, Signal, SignalRejected, State, step
from voicemedia_server.sessions.offer import EchoForm, IceCredentials, Offer, SessionId
from voicemedia_server.sessions.refusals import (
    AtCapacity,
    Draining,
    OfferUnacceptable,
    Overloaded,
    Refusal,
    SessionUnknown,
)
from voicemedia_server.sessions.sound import Transport

log = structlog.get_logger("session")

PENDING = (State.OFFERED, State.CONNECTING)


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many sessions may live, and how many of them may be still setting up."""

    max_sessions: int
    max_pending: int


@dataclass(frozen=True, slots=True)
class DrainPolicy:
    """`limit_s`: how long live sessions may go on; `notice_s`: from `reconnect` to the end."""

    limit_s: float
    notice_s: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Who has a part in every session beside its peer and the plane; alone by default.

    `when_empty` is called when the last session is freed; each session claims its place of
    `claims` first, and gives it back. `transcoding` is `None` where decoded echoes are off.
    """

    observers: Sequence[SessionObserver] = ()
    transcoding: Transcoding | None = None
    when_empty: Callable[[], None] = lambda: None
    claims: Claims = field(default_factory=Alone)


class SessionService:
    """All sessions of this process."""

    def __init__(
        self,
        peers: Peers,
        plane: PacketPlane,
        limits: Limits,
        capacity: Capacity,
        surroundings: Surroundings | None = None,
    ) -> None:
        surroundings = surroundings or Surroundings()
        self._peers = peers
        self._plane = plane
        self._limits = limits
        self._capacity = capacity
        self._observers = surroundings.observers
        self._transcoding = surroundings.transcoding
        self._when_empty = surroundings.when_empty
        self._claims = surroundings.claims
        self._claiming = 0
        self._sessions: dict[SessionId, Session] = {}
        self._by_events_id: dict[str, Session] = {}
        self._pending = 0
        self._is_draining = False
        self._changed = asyncio.Condition()
        self.now_ns: Callable[[], int] = time.monotonic_ns

    # -- what edges ask ---------------------------------------------------------------------

    @property
    def is_draining(self) -> bool:
        """No new sessions are taken."""
        return self._is_draining

    @property
    def is_full(self) -> bool:
        """Every place is taken."""
        return len(self._sessions) + self._claiming >= self._capacity.max_sessions

    @property
    def capacity(self) -> Capacity:
        """The limits on how many sessions there may be."""
        return self._capacity

    @property
    def pending_count(self) -> int:
        """Sessions that are still setting up, and places that are being claimed."""
        return self._pending + self._claiming

    @property
    def sessions(self) -> tuple[Session, ...]:
        """All live sessions, oldest first."""
        return tuple(self._sessions.values())

    def session(self, session_id: str) -> Session:
        """Raises `SessionUnknown`."""
        session = self._sessions.get(SessionId(session_id))
        if session is None or session.close_reason is not None:
            raise SessionUnknown
        return session

    def session_by_events_id(self, events_id: str) -> Session:
        """The session whose event stream has this id. Raises `SessionUnknown`."""
        session = self._by_events_id.get(events_id)
        if session is None or session.close_reason is not None:
            raise SessionUnknown
        return session

    def read_offer(self, sdp: bytes) -> Offer:
        """Raises `OfferMalformed`."""
        return self._peers.read_offer(sdp)

    def stats(self, session: Session) -> MediaStats:
        """What was counted for a live session."""
        return self._plane.stats(session.peer_id)

    # -- opening ----------------------------------------------------------------------------

    def check_admission(self, echo_form: EchoForm = EchoForm.DIRECT) -> None:
        """Raises `Draining`, `AtCapacity` or `Overloaded`, each with a time to come back; and
        `OfferUnacceptable` for a form of echo that is switched off here."""
        spread = secrets.randbelow(1000) / 1000
        if self._is_draining:
            raise Draining(
                "This server takes no new sessions; another one will.",
                retry_after_s=retry_after_s(1.0, spread),
            )
        if self.is_full:
            raise AtCapacity(
                f"All {self._capacity.max_sessions} places are taken.",
                retry_after_s=retry_after_s(5.0, spread, window_s=10.0),
            )
        if self.pending_count >= self._capacity.max_pending:
            raise Overloaded(
                f"{self.pending_count} sessions are being set up; come back in a moment.",
                retry_after_s=retry_after_s(1.0, spread),
            )
        if echo_form is EchoForm.DECODED:
            self._transcoder().check_room()

    def _transcoder(self) -> Transcoding:
        if self._transcoding is None:
            raise OfferUnacceptable("Decoded echoes are switched off here; ask without echo=.")
        return self._transcoding

    async def open_session(self, request: OpenRequest) -> WebRtcSession:
        """Makes the session and its answer; the client's first check takes it further.

        Raises what `check_admission` raises.
        """
        self.check_admission(request.agreement.echo_form)
        async with self._place(Transport.WEBRTC, request.decision) as session_id:
            return self._open_session(request, session_id)

    async def open_stream(self, request: StreamRequest) -> Session:
        """Makes a session whose edge carries its packets: connected from the start.

        Raises what `check_admission` raises.
        """
        self.check_admission(request.sound.echo_form)
        async with self._place(request.transport, request.decision) as session_id:
            return self._open_stream(request, session_id)

    @asynccontextmanager
    async def _place(
        self, transport: Transport, decision: Decision | None
    ) -> AsyncIterator[SessionId]:
        """A place in the fleet for a session with this id: given back where the session does not
        come to be. It counts as taken here too while it is claimed."""
        session_id = new_session_id()
        label = session_id[:LABEL_CHARS]
        self._claiming += 1
        try:
            await self._claim(self._claims.record(label, transport, decision))
        finally:
            self._claiming -= 1
        try:
            if self._is_draining:  # it began meanwhile
                self.check_admission()
            yield session_id
        except BaseException:
            await asyncio.shield(self._claims.end(label))
            raise

    async def _claim(self, record: SessionRecord) -> None:
        try:
            await self._claims.claim(record)
        except FleetFull:
            spread = secrets.randbelow(1000) / 1000
            raise AtCapacity(
                "All places of the fleet are taken.",
                retry_after_s=retry_after_s(5.0, spread, window_s=10.0),
            ) from None
        except asyncio.CancelledError:
            await asyncio.shield(self._claims.end(record.label))
            raise

    def _open_session(self, request: OpenRequest, session_id: SessionId) -> WebRtcSession:
        agreement = request.agreement
        opened_ns = self.now_ns()
        with ExitStack() as on_failure:
            peer_id = self._plane.add_peer()
            on_failure.callback(self._plane.remove_peer, peer_id)
            on_failure.push(self._tell_broken(request.decision))
            session = WebRtcSession(SessionIdentity(session_id, peer_id, opened_ns), request)
            session.connection = session.peer = self._peers.accept(
                request.offer, peer_id, session.id, self._signal_of(session)
            )
            echo = self._relay(session, on_failure)
            session.answer_sdp = self._peers.write_answer(
                request.offer, agreement, session.peer.ice, echo
            )
            on_failure.pop_all()
        self._enter(session, request.requested_ns)
        return session

    def _open_stream(self, request: StreamRequest, session_id: SessionId) -> Session:
        opened_ns = self.now_ns()
        with ExitStack() as on_failure:
            peer_id = self._plane.add_peer()
            on_failure.callback(self._plane.remove_peer, peer_id)
            on_failure.push(self._tell_broken(request.decision))
            identity = SessionIdentity(session_id, peer_id, opened_ns)
            session = Session(identity, request.transport, request.sound, request.principal)
            session.connection = request.connection
            session.decision = request.decision
            self._plane.open_stream(peer_id, request.sink)
            self._relay(session, on_failure)
            on_failure.pop_all()
        self._enter(session, request.requested_ns)
        self._take(session, Signal.CHECKED)
        self._take(session, Signal.SECURED)
        return session

    def _tell_broken(self, decision: Decision | None) -> Callable[..., None]:
        """An exit of a stack: a refusal is an answer, anything else a fault of ours."""

        def on_exit(kind: type[BaseException] | None, *_: object) -> None:
            if kind is not None and not issubclass(kind, Refusal):
                for observer in self._observers:
                    observer.session_broke(decision)

        return on_exit

    def _enter(self, session: Session, requested_ns: int) -> None:
        peer_id = session.peer_id
        session.resources.push_async_callback(self._claims.end, session.label)
        session.resources.callback(self._plane.remove_peer, peer_id)
        session.resources.push_async_callback(session.connection.close)
        if self._transcoding is not None:
            session.resources.callback(self._transcoding.detach, peer_id)
        session.resources.callback(self._plane.end_media, peer_id)
        self._sessions[session.id] = session
        self._by_events_id[session.events_id] = session
        self._pending += 1
        setup_s = (self.now_ns() - requested_ns) / NS_PER_S
        for observer in self._observers:
            observer.session_opened(session.transport, setup_s)
        self._claims.note(Happening.OPENED, _facts(session))
        log.info(
            "session opened",
            session=session.label,
            transport=session.transport,
            echoed=session.sound.echo_form if session.sound.is_echoed else None,
            codec=session.sound.codec_name,
        )

    def _relay(self, session: Session, on_failure: ExitStack) -> EchoIdentity | None:
        sound = session.sound
        self._plane.publish(
            session.peer_id, PublicationSpec(sound.codecs, sound.dropped_payload_types)
        )
        if not sound.is_echoed:
            return None
        echo = EchoIdentity(
            ssrc=Ssrc(secrets.randbelow(0xFFFFFFFE) + 1),
            cname=secrets.token_hex(8),
            stream_id=f"echo-{secrets.token_hex(4)}",
            track_id=f"audio-{secrets.token_hex(4)}",
        )
        self._plane.subscribe(
            session.peer_id,
            session.peer_id,
            SubscriptionSpec(
                ssrc=echo.ssrc,
                cname=echo.cname,
                first_sequence=secrets.randbelow(0x8000),
                payload_types={},
                answers_nack=sound.answers_nack,
            ),
        )
        if sound.echo_form is EchoForm.DECODED:
            transcoder = self._transcoder()
            transcoder.attach(session.peer_id, sound.codecs)
            on_failure.callback(transcoder.detach, session.peer_id)
        return echo

    def _signal_of(self, session: Session) -> Callable[[Signal, CloseReason | None], None]:
        def on_signal(signal: Signal, close: CloseReason | None) -> None:
            self._take(session, signal, close)

        return on_signal

    # -- changing ---------------------------------------------------------------------------

    def restart_ice(self, session: WebRtcSession, remote: IceCredentials) -> IceDescription:
        """New ICE credentials and a new entity-tag; media goes on meanwhile (RFC 9725 4.3.3)."""
        description = session.peer.restart(remote)
        session.remote_ice = remote
        session.entity_tag = secrets.token_hex(8)
        self._take(session, Signal.RESTARTED)
        return description

    def _take(self, session: Session, signal: Signal, close: CloseReason | None = None) -> None:
        """Steps the life cycle. A signal that comes too late or twice changes nothing."""
        before = session.state
        try:
            after = step(before, signal)
        except SignalRejected as rejected:
            log.debug("signal rejected", session=session.label, reason=str(rejected))
            return
        if after is State.CLOSED:
            assert close is not None, "a session ends for a reason"
            self._begin_close(session, close)
            return
        session.state = after
        if before in PENDING and after not in PENDING:
            self._pending -= 1
            session.connected_ns = self.now_ns()
            since_opened_s = (session.connected_ns - session.opened_ns) / NS_PER_S
            for observer in self._observers:
                observer.session_connected(session.transport, since_opened_s, session.decision)
        if after is not before:
            session.announce(SessionEvent(EventKind.STATE, after))
            log.info("session " + after, session=session.label)

    # -- ending -----------------------------------------------------------------------------

    async def close_session(self, session: Session, reason: CloseReason) -> None:
        """Ends the session and returns when all that it held is freed."""
        self._take(session, Signal.ENDED, reason)
        if session.closing is not None:
            await asyncio.shield(session.closing)

    def end_labelled(self, label: str) -> None:
        """Ends the session with this label, if it lives here: others asked for it."""
        for session in self.sessions:
            if session.label == label:
                self._take(session, Signal.ENDED, CloseReason.STOPPED)

    def _begin_close(self, session: Session, reason: CloseReason) -> None:
        last_state = session.state
        if last_state in PENDING:
            self._pending -= 1
        session.state = State.CLOSED
        session.close_reason = reason
        stats = self._plane.stats(session.peer_id)
        duration_s = (self.now_ns() - session.opened_ns) / NS_PER_S
        session.announce(SessionEvent(EventKind.CLOSED, reason))
        session.announce(None)
        session.closing = asyncio.get_running_loop().create_task(self._free(session))
        for observer in self._observers:
            observer.session_ended(
                Ending(session.transport, reason, last_state, duration_s, session.decision), stats
            )
        outcome = outcome_of(session.decision, session.transport, reason, last_state)
        facts = replace(_facts(session), reason=reason, outcome=outcome)
        self._claims.note(Happening.ENDED, facts)
        log.info(
            "session closed",
            session=session.label,
            reason=reason,
            duration_s=round(duration_s, 3),
            packets_received=stats.packets_received,
            packets_lost=stats.packets_lost,
            packets_sent=stats.packets_sent,
        )

    async def _free(self, session: Session) -> None:
        try:
            await session.resources.aclose()
        finally:
            del self._sessions[session.id]
            del self._by_events_id[session.events_id]
            session.let_go()
            if not self._sessions:
                self._when_empty()
            async with self._changed:
                self._changed.notify_all()

    # -- watching ---------------------------------------------------------------------------

    def sweep(self) -> None:
        """Judges each session's times once; the caller decides how often."""
        now_ns = self.now_ns()
        for session in self.sessions:
            if session.close_reason is not None:
                continue
            last_media_ns = self._plane.last_media_ns(session.peer_id)
            last_check_ns = session.connection.last_check_ns
            times = Times(session.opened_ns, last_check_ns, last_media_ns, session.connected_ns)
            verdict = judge(session.state, times, self._limits, now_ns)
            if verdict is not None:
                self._take(session, verdict.signal, verdict.close)

    async def watch(self, interval_s: float = 0.25) -> None:
        """Sweeps until cancelled."""
        while True:
            await asyncio.sleep(interval_s)
            self.sweep()

    # -- draining ---------------------------------------------------------------------------

    def drain(self) -> None:
        """Takes no new sessions; live ones go on."""
        if not self._is_draining:
            self._is_draining = True
            log.info("draining", sessions=len(self._sessions))

    def undrain(self) -> None:
        """Takes new sessions again."""
        if self._is_draining:
            self._is_draining = False
            log.info("serving again", sessions=len(self._sessions))

    async def wait_until_empty(self) -> None:
        """Returns when no session is left."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._sessions)

    async def drain_out(self, policy: DrainPolicy) -> None:
        """Drains until empty or until the limit; then asks the rest to move, and ends them."""
        self.drain()
        try:
            await asyncio.wait_for(self.wait_until_empty(), policy.limit_s)
            return
        except TimeoutError:
            log.warning("drain limit reached", sessions=len(self._sessions))
        for session in self.sessions:
            session.announce(SessionEvent(EventKind.RECONNECT, "draining"))
        if any(session.reader_count for session in self.sessions):
            try:
                await asyncio.wait_for(self.wait_until_empty(), policy.notice_s)
                return
            except TimeoutError:
                log.info("notice is over", sessions=len(self._sessions))
        await self.close_all(CloseReason.DRAINED)

    async def close_all(self, reason: CloseReason) -> None:
        """Ends every session and waits until all is freed."""
        async with asyncio.TaskGroup() as group:
            for session in self.sessions:
                group.create_task(self.close_session(session, reason))


def _facts(session: Session) -> SessionFacts:
    """What the audit says of every session."""
    variant = session.decision.variant if session.decision else None
    return SessionFacts(session.label, session.transport, variant)
