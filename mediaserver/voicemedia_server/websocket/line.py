"""One WebSocket connection at work: reads, writes, and carries out what the protocol decides."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from aiohttp import WebSocketError, WSMsgType, web

from voicemedia_rollout.document import Variant
from voicemedia_server.edge.problems import RefusalCounter
from voicemedia_server.edge.tokens import Authenticator
from voicemedia_server.ports import PacketPlane, PeerId
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.routing.decision import Decision
from voicemedia_server.service import SessionService
from voicemedia_server.session import EventKind, Session, StreamRequest
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.sessions.refusals import Refusal, RefusalReason, SessionUnknown
from voicemedia_server.sessions.sound import Sound, Transport
from voicemedia_server.websocket.messages import CloseCode, ErrorCode, MessageRefused
from voicemedia_server.websocket.outbox import MAX_AUDIO_MS, Outbox
from voicemedia_server.websocket.protocol import (
    Action,
    Begin,
    Begun,
    Clear,
    Close,
    Conversation,
    Dialect,
    Move,
    Note,
    Phase,
    Relay,
    Say,
)
from voicemedia_server.websocket.resumption import (
    LIFE_S,
    ResumeFailed,
    ResumePoint,
    Resumption,
)

log = structlog.get_logger("websocket")

WRITE_BUFFER_BYTES = 2048
"""What may wait in the transport and, unsent, in the kernel: all else waits in the outbox, where
the oldest can be dropped."""
PROMPT_BYTES = WRITE_BUFFER_BYTES - 10
"""The longest frame, in bytes or characters of ASCII, that fits there with its header."""
TCP_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", None)
CLOSE_CODES = {
    CloseReason.DELETED: CloseCode.NORMAL,
    CloseReason.CLOSED_BY_PEER: CloseCode.NORMAL,
    CloseReason.MOVED: CloseCode.NORMAL,
    CloseReason.FAILED: CloseCode.INTERNAL,
    CloseReason.DRAINED: CloseCode.RESTART,
    CloseReason.STOPPED: CloseCode.GOING_AWAY,
    CloseReason.IDLE: CloseCode.POLICY,
    CloseReason.MAX_DURATION: CloseCode.POLICY,
}
MAX_REASON_BYTES = 123  # RFC 6455 section 5.5: a close frame holds 125, the code takes two


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: until `start` must have come, between pings, until a client that does not read is
    let go, what it is given to move when the server drains, and between two marks (0 for none);
    `overlap_s` from a new session's first frame to the end of the one that it replaces.
    `backlog_ms` of audio may wait for a client."""

    start_s: float
    ping_s: float
    write_s: float
    notice_s: float
    mark_s: float = 5.0
    backlog_ms: float = MAX_AUDIO_MS
    overlap_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """What all lines of a server share. `pod` is its name in a fleet, or empty."""

    service: SessionService
    plane: PacketPlane
    authenticator: Authenticator
    times: Times
    counter: RefusalCounter
    resumption: Resumption
    pod: str = ""


class Line:
    """The shell around a `Conversation`; a `Connection` of the service."""

    def __init__(
        self, exchange: Exchange, response: web.WebSocketResponse, dialect: Dialect
    ) -> None:
        self._service = exchange.service
        self._exchange = exchange
        self._plane = exchange.plane
        self._socket = response
        self._times = times = exchange.times
        self._conversation = Conversation(
            dialect,
            secrets.randbelow(0xFFFFFFFE) + 1,
            lambda: "MZ" + secrets.token_hex(16),
            round(times.mark_s * 1e9),
        )
        self._outbox = Outbox(times.backlog_ms)
        self._wake = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._session: Session | None = None
        self._point: ResumePoint
        self._replaced: Session | None = None
        self._ending: Close | None = None
        self._has_said_close = False
        self._decision: Decision | None = None

    # -- the connection, as the service sees it ---------------------------------------------

    @property
    def last_check_ns(self) -> int | None:
        """Now, as long as the connection is open: its heartbeat ends one whose client is gone."""
        return time.monotonic_ns()

    async def close(self) -> None:
        """Says why, and closes."""
        session = self._session
        assert session is not None, "only sessions are closed"
        ending = self._ending
        if ending is None:
            assert session.close_reason is not None, "a session ends for a reason"
            code = CLOSE_CODES.get(session.close_reason, CloseCode.GOING_AWAY)
            ending = Close(code, session.close_reason)
        await self._hang_up(ending)

    async def _hang_up(self, ending: Close) -> None:
        """Sends the words that wait, then closes; cuts off who does not read."""
        try:
            async with asyncio.timeout(self._times.write_s):
                while isinstance(words := self._outbox.take_words(), str):
                    await self._socket.send_str(words)
                reason = ending.reason.encode()[:MAX_REASON_BYTES]
                await self._socket.close(code=ending.code, message=reason)
        except (ConnectionError, TimeoutError):
            log.debug("the client was gone before the close")

    # -- running ----------------------------------------------------------------------------

    async def run(
        self, request: web.Request, principal: str | None, decision: Decision | None = None
    ) -> None:
        """Serves the connection to its end. `principal` is `None` where the token is to come
        with the start, `decision` where nobody asked for one."""
        self._decision = decision
        self._transport = request.transport
        _keep_buffers_short(request.transport)
        try:
            await self._serve(request, principal)
        except ExceptionGroup:  # what any task of the line raised: a fault of ours
            log.exception("call failed")
            self._exchange.counter.refused(RefusalReason.INTERNAL)
            self._ending = Close(CloseCode.INTERNAL, CloseReason.FAILED)
        finally:  # also when the server cancels us, since the client is gone or it leaves
            await self._end()

    async def _serve(self, request: web.Request, principal: str | None) -> None:
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(self._write(request))]
            try:
                begin = await self._read_until_begin()
                if begin is not None:
                    await self._begin(begin, principal)
                if self._session is not None:
                    if self._conversation.dialect.is_extended:
                        background.append(tasks.create_task(self._ping()))
                        background.append(tasks.create_task(self._watch(self._session)))
                    await self._read(tasks, background)
            finally:
                for task in background:
                    task.cancel()

    async def _end(self) -> None:
        ending = self._ending
        if self._session is None:
            if ending is not None:
                await self._hang_up(ending)
            return
        if ending is None:
            has_said_so = self._has_said_close
            reason = CloseReason.CLOSED_BY_PEER if has_said_so else CloseReason.CONNECTION_LOST
        elif ending.is_hang_up:
            reason = CloseReason.DELETED
        elif ending.code is CloseCode.INTERNAL:
            reason = CloseReason.FAILED
        else:
            reason = CloseReason.PROTOCOL_ERROR
        await self._service.close_session(self._session, reason)

    async def _read_until_begin(self) -> Begin | None:
        """What to begin with, or `None` when the connection is to end."""
        try:
            async with asyncio.timeout(self._times.start_s):
                while True:
                    for action in await self._next_actions():
                        if isinstance(action, Begin):
                            return action
                        self._do(action)
                    if self._ending is not None or self._socket.closed:
                        return None
        except TimeoutError:
            for action in self._conversation.miss_start():
                self._do(action)
            return None

    async def _read(self, tasks: asyncio.TaskGroup, background: list[asyncio.Task[None]]) -> None:
        while self._ending is None and not self._socket.closed:
            for action in await self._next_actions():
                self._do(action)
                if isinstance(action, Relay) and self._replaced is not None:
                    replaced, self._replaced = self._replaced, None
                    background.append(tasks.create_task(self._replace(replaced)))

    async def _next_actions(self) -> Sequence[Action]:
        message = await self._socket.receive()
        now_ns = time.monotonic_ns()
        match message.type:
            case WSMsgType.TEXT:
                return self._conversation.receive_text(message.data, now_ns)
            case WSMsgType.BINARY:
                return self._conversation.receive_binary(message.data, now_ns)
            case WSMsgType.PING:
                await self._answer_ping(message.data)
                return self._conversation.receive_ping(now_ns)
            case WSMsgType.CLOSE:
                self._has_said_close = True
            case WSMsgType.ERROR if isinstance(message.data, WebSocketError):
                return self._conversation.break_off(message.data.code)
        return ()  # closed, or broken: the socket knows

    async def _replace(self, replaced: Session) -> None:
        """Ends it, when the frames that are under way on it have come."""
        await asyncio.sleep(self._times.overlap_s)
        await self._service.close_session(replaced, CloseReason.MOVED)

    async def _answer_ping(self, payload: bytes) -> None:
        try:
            async with asyncio.timeout(self._times.write_s):
                await self._socket.pong(payload)
        except (ConnectionError, TimeoutError):
            self._outbox.is_overrun = True
            self._wake.set()

    def _do(self, action: Action) -> None:
        match action:
            case Say(text=text):
                self._say(text)
            case Relay(packet=packet):
                if self._session is not None:
                    self._plane.take_packet(self._session.peer_id, packet)
            case Clear():
                self._count_drops(self._outbox.clear(), DropReason.WEBSOCKET_CLEARED, None)
            case Note(reception=reception):
                if self._session is not None:
                    self._plane.note_reception(self._session.peer_id, reception)
            case Close():
                self._ending = action
                if not action.is_hang_up:
                    self._exchange.counter.refused(RefusalReason.WEBSOCKET_MESSAGE)
            case Begin():
                raise AssertionError("a call begins once")

    async def _begin(self, begin: Begin, principal: str | None) -> None:
        requested_ns = self._service.now_ns()
        try:
            if principal is None:
                bearer = f"Bearer {begin.token}" if begin.token else None
                principal = await self._exchange.authenticator.principal(bearer)
            resumed = self._resumed(begin.resume_token, principal)
            decision = resumed.decision if resumed else self._decision
            if resumed and decision:
                decision = decision.resumed()
            self._session = await self._service.open_stream(
                StreamRequest(
                    Transport.WEBSOCKET,
                    Sound((begin.form.codec,), is_echoed=True),
                    principal,
                    requested_ns,
                    self,
                    self._play,
                    decision,
                )
            )
        except Refusal as refusal:
            code = CloseCode.TRY_LATER if refusal.retry_after_s else CloseCode.POLICY
            refused = MessageRefused(ErrorCode.REFUSED, refusal.detail, code)
            for action in self._conversation.refuse(refused):
                self._do(action)
            return
        self._point = ResumePoint(
            session_id=self._session.id,
            stream_sid=self._conversation.name_stream(resumed.stream_sid if resumed else None),
            principal=principal,
            decision=decision,
            expires_unix_s=0,
        )
        begun = Begun(
            self._session.label,
            self._resume_token(),
            is_resumed=resumed is not None,
            variant=decision.variant if decision else Variant.WEBSOCKET,
            pod=self._exchange.pod,
        )
        for action in self._conversation.begun(begun):
            self._do(action)

    def _resumed(self, token: str | None, principal: str) -> ResumePoint | None:
        """What is taken over. The session that is replaced may live here, elsewhere or no more."""
        if token is None or not self._conversation.dialect.is_extended:
            return None
        try:
            point = self._exchange.resumption.point(token, principal, time.time())
        except ResumeFailed as failed:
            for action in self._conversation.fail_resume(str(failed)):
                self._do(action)
            return None
        try:
            self._replaced = self._service.session(point.session_id)
        except SessionUnknown:
            self._replaced = None
        return point

    def _resume_token(self) -> str:
        """A fresh one, whose life begins now."""
        expires_unix_s = round(time.time()) + LIFE_S
        point = self._point.model_copy(update={"expires_unix_s": expires_unix_s})
        return self._exchange.resumption.token(point)

    # -- writing ----------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        self._outbox.say(text)
        self._wake.set()

    def _play(self, packet: bytes) -> None:
        """The sink: an RTP packet for the client."""
        conversation = self._conversation
        is_packet = conversation.dialect is Dialect.RTP
        message = packet if is_packet else conversation.media(conversation.frame(packet))
        mark = conversation.mark(time.monotonic_ns())
        if mark is None and not self._outbox and self._write_now(message):
            return
        dropped = self._outbox.play(message, conversation.duration_ms(packet), mark)
        if dropped:
            peer_id = self._session.peer_id if self._session is not None else None
            self._count_drops(dropped, DropReason.WEBSOCKET_BACKLOG, peer_id)
        self._wake.set()

    def _count_drops(self, frames: int, reason: DropReason, peer_id: PeerId | None) -> None:
        for _ in range(frames):
            self._plane.count_drop(reason, peer_id)

    def _write_now(self, message: str | bytes) -> bool:
        """Gives a frame to a transport that has nothing waiting and room for all of it; whether
        it did. Waking the writer for each frame would cost as much as the frame."""
        transport = self._transport
        if transport is None or transport.get_write_buffer_size() or len(message) > PROMPT_BYTES:
            return False
        sending = (
            self._socket.send_str(message)
            if isinstance(message, str)
            else self._socket.send_bytes(message)
        )
        try:
            sending.send(None)
        except StopIteration:
            return True
        except ConnectionError:
            return False  # the writer finds the same
        raise AssertionError("a transport that is not full keeps nobody waiting")

    async def _write(self, request: web.Request) -> None:
        """Sends what waits. A client that does not read in time, or not even words, is cut off."""
        try:
            while not self._outbox.is_overrun:
                await self._wake.wait()
                self._wake.clear()
                while (message := self._outbox.take()) is not None:
                    async with asyncio.timeout(self._times.write_s):
                        if isinstance(message, str):
                            await self._socket.send_str(message)
                        else:
                            await self._socket.send_bytes(message)
        except (ConnectionError, TimeoutError):
            log.debug("the client does not read")
        if request.transport is not None:
            request.transport.abort()

    async def _ping(self) -> None:
        while self._conversation.phase is Phase.STARTED:
            for action in self._conversation.ping(time.monotonic_ns()):
                self._do(action)
            await asyncio.sleep(self._times.ping_s)

    async def _watch(self, session: Session) -> None:
        """Tells the client when the server asks it to move."""
        with session.events() as stream:
            while (event := await stream.next()) is not None:
                if event.kind is EventKind.RECONNECT:
                    move = Move(
                        event.detail,
                        datetime.now(UTC),
                        self._times.notice_s,
                        self._resume_token(),
                    )
                    for action in self._conversation.ask_to_move(move):
                        self._do(action)


def _keep_buffers_short(transport: asyncio.Transport | None) -> None:
    """So that a slow client is noticed before much waits for it."""
    if transport is None:
        return
    transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
    raw = transport.get_extra_info("socket")
    if raw is not None and TCP_NOTSENT_LOWAT is not None:
        raw.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, WRITE_BUFFER_BYTES)
