"""What both sides of a WebSocket v2 connection may say, and when: a protocol without a socket.

Messages and packets go in, actions come out; the shell carries them out in their order. Under
`twilio` nothing but Twilio's own messages is ever said; the extensions need a `vm.*` subprotocol.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum

from voicemedia_rollout.document import Variant
from voicemedia_server.ports import ListenerReception
from voicemedia_server.rtp.header import RtpMalformed, payload_bounds
from voicemedia_server.sessions.admission import Buckets, Rate
from voicemedia_server.websocket import messages
from voicemedia_server.websocket.formats import (
    MAX_FRAME_MS,
    AudioFormat,
    choose_format,
)
from voicemedia_server.websocket.marks import PlayoutMarks
from voicemedia_server.websocket.messages import (
    CloseCode,
    ErrorCode,
    MessageRefused,
    write_media,
    write_message,
)
from voicemedia_server.websocket.packets import Depacketizer, Frame, Packetizer

NS_PER_MS = 1_000_000
MESSAGES = Rate(per_s=500, burst=1000)
"""What one client may say, pings of the socket included: five times the frames of 10 ms, and ten
seconds of them at once after a network that stood still."""


class Dialect(StrEnum):
    """What was agreed on, by the name of its subprotocol."""

    TWILIO = "twilio"
    JSON = "vm.v2.json"
    RTP = "vm.v2.rtp"

    @property
    def is_extended(self) -> bool:
        """More may be said than Twilio says."""
        return self is not Dialect.TWILIO


def choose_dialect(offered: Sequence[str]) -> Dialect:
    """The first that we know; without any, Twilio's own (RFC 6455 section 4.2.2)."""
    known = {dialect.value: dialect for dialect in Dialect}
    return next((known[name] for name in offered if name in known), Dialect.TWILIO)


class Phase(Enum):
    """Where the conversation is."""

    EXPECTING_START = "expecting start"
    STARTED = "started"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Say:
    """Send this message, before audio that waits."""

    text: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Open a session for this form, then call `name_stream` and `begun`. `resume_token` names the
    session that it takes over."""

    form: AudioFormat
    token: str | None
    resume_token: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """The session that was opened, for its client. `pod` is empty where servers have no names."""

    label: str
    resume_token: str
    is_resumed: bool = False
    variant: Variant = Variant.WEBSOCKET
    pod: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A request to open a new connection, not before `after`, in so many seconds."""

    reason: str
    after: datetime
    within_s: float
    resume_token: str


@dataclass(frozen=True, slots=True)
class Relay:
    """Give this RTP packet to the plane."""

    packet: bytes


@dataclass(frozen=True, slots=True)
class Clear:
    """Throw the audio away that waits to be sent."""


@dataclass(frozen=True, slots=True)
class Note:
    """The client told, or we measured, how it hears us."""

    reception: ListenerReception


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection; `is_hang_up` when the client ended the call itself."""

    code: CloseCode
    reason: str
    is_hang_up: bool = False


Action = Say | Begin | Relay | Clear | Note | Close


class Conversation:
    """One connection. `ssrc` is that of the client's packets, drawn by the caller; `new_sid` names
    streams that the client did not name; `mark_interval_ns` is that of `PlayoutMarks`."""

    def __init__(
        self,
        dialect: Dialect,
        ssrc: int,
        new_sid: Callable[[], str],
        mark_interval_ns: int = 0,
    ) -> None:
        self.dialect = dialect
        self._ssrc = ssrc
        self._new_sid = new_sid
        self._phase = Phase.EXPECTING_START
        self._sid = ""
        self._marks = PlayoutMarks(mark_interval_ns)
        self._budget = Buckets(MESSAGES, capacity=1)
        self._form: AudioFormat
        self._packetizer: Packetizer
        self._depacketizer: Depacketizer

    @property
    def phase(self) -> Phase:
        """Where the conversation is."""
        return self._phase

    # -- what the client says ---------------------------------------------------------------

    def receive_text(self, text: str, now_ns: int) -> list[Action]:
        """A text message."""
        return self._guarded(lambda: self._take(messages.read_message(text), now_ns), now_ns)

    def receive_binary(self, packet: bytes, now_ns: int) -> list[Action]:
        """A binary message: one RTP packet, under `vm.v2.rtp`."""
        return self._guarded(lambda: [self._take_packet(packet)], now_ns)

    def receive_ping(self, now_ns: int) -> list[Action]:
        """A ping of the socket itself (RFC 6455 section 5.5.2), which the shell answers."""
        return self._guarded(list, now_ns)

    def break_off(self, code: int) -> list[Action]:
        """A frame broke RFC 6455, for which the connection was closed already, with this code."""
        self._phase = Phase.ENDED
        return [Close(CloseCode(code), "a broken frame")]

    def miss_start(self) -> list[Action]:
        """The start did not come in time."""
        return self.refuse(
            MessageRefused(ErrorCode.START_TIMEOUT, "No start came in time.", CloseCode.POLICY)
        )

    def _guarded(self, take: Callable[[], list[Action]], now_ns: int) -> list[Action]:
        if self._phase is Phase.ENDED:
            return []
        try:
            if self._budget.take("", now_ns):
                raise MessageRefused(
                    ErrorCode.TOO_MANY_MESSAGES,
                    f"{MESSAGES.per_s:g} messages a second are enough for any audio.",
                    CloseCode.POLICY,
                )
            return take()
        except MessageRefused as refused:
            return self.refuse(refused)

    def refuse(self, refused: MessageRefused) -> list[Action]:
        """Ends the conversation, with the reason where the dialect has words for it."""
        self._phase = Phase.ENDED
        actions: list[Action] = []
        if self.dialect.is_extended:
            error = messages.Error(
                code=refused.code,
                message=refused.detail,
                retryable=refused.close_code is CloseCode.TRY_LATER,
            )
            actions.append(Say(write_message(error)))
        return [*actions, Close(refused.close_code, refused.detail)]

    def _take(self, message: messages.ClientMessage, now_ns: int) -> list[Action]:
        if isinstance(message, messages.EXTENSIONS) and not self.dialect.is_extended:
            raise MessageRefused(
                ErrorCode.UNKNOWN_EVENT,
                f"{message.event} needs the subprotocol vm.v2.json or vm.v2.rtp.",
                CloseCode.UNSUPPORTED,
            )
        match message:
            case messages.Connected():
                return []
            case messages.Start():
                return self._start(message)
            case messages.Ping(t=t):
                return [Say(write_message(messages.Pong(event="pong", t=t, s=now_ns // NS_PER_MS)))]
            case messages.Media():
                return [Relay(self._started_packetizer().packet(message.media))]
            case messages.Stop():
                self._started_packetizer()
                self._phase = Phase.ENDED
                return [Close(CloseCode.NORMAL, "stopped", is_hang_up=True)]
        self._started_packetizer()
        match message:
            case messages.Pong(t=t):
                round_trip_s = max(0, now_ns // NS_PER_MS - t) / 1000
                return [Note(ListenerReception(round_trip_s=round_trip_s))]
            case messages.Stats():
                return [Note(_reception(message))]
            case messages.Mark(mark=mark):
                playout_s = self._marks.returned(mark.name, now_ns)
                if playout_s is not None:
                    return [Note(ListenerReception(playout_s=playout_s))]
            case messages.Clear():
                self._marks.clear()
                return [Clear(), Say(write_message(messages.ServerClear(stream_sid=self._sid)))]
        return []  # keys, and marks that are not ours: nothing waits for them

    def _start(self, start: messages.Start) -> list[Action]:
        if self._phase is not Phase.EXPECTING_START:
            raise MessageRefused(
                ErrorCode.ALREADY_STARTED, "The call has begun already.", CloseCode.POLICY
            )
        self._form = choose_format(start.start.media_format)
        self._sid = start.sid or ""
        self._packetizer = Packetizer(self._form, self._ssrc)
        self._depacketizer = Depacketizer(self._form)
        self._phase = Phase.STARTED
        token = start.start.custom_parameters.get("token")
        return [Begin(self._form, token, start.start.resume_token)]

    def _started_packetizer(self) -> Packetizer:
        if self._phase is not Phase.STARTED:
            raise MessageRefused(
                ErrorCode.NOT_STARTED, "A start must come first.", CloseCode.POLICY
            )
        return self._packetizer

    def _take_packet(self, packet: bytes) -> Action:
        if self.dialect is not Dialect.RTP:
            raise MessageRefused(
                ErrorCode.UNEXPECTED_BINARY,
                "Binary messages need the subprotocol vm.v2.rtp.",
                CloseCode.UNSUPPORTED,
            )
        messages.check_size(len(packet))
        self._started_packetizer()
        try:
            start, end = payload_bounds(packet)
        except RtpMalformed as malformed:
            raise MessageRefused(
                ErrorCode.INVALID_PAYLOAD, f"The message is {malformed}.", CloseCode.INVALID
            ) from None
        if packet[1] & 0x7F != self._form.codec.payload_type:
            raise MessageRefused(
                ErrorCode.UNSUPPORTED_FORMAT,
                f"The payload type must be {self._form.codec.payload_type}.",
                CloseCode.UNSUPPORTED,
            )
        self._form.units(packet[start:end])
        return Relay(packet)

    # -- what we say ------------------------------------------------------------------------

    def name_stream(self, resumed_sid: str | None) -> str:
        """The stream's name: the client's, else that of the call it resumes, else a new one."""
        self._sid = self._sid or resumed_sid or self._new_sid()
        return self._sid

    def fail_resume(self, detail: str) -> list[Action]:
        """The resume token is no good; the call begins anew all the same."""
        if not self.dialect.is_extended:
            return []
        error = messages.Error(code=ErrorCode.RESUME_FAILED, message=detail)
        return [Say(write_message(error))]

    def begun(self, begun: Begun) -> list[Action]:
        """The session that `Begin` asked for is open."""
        if not self.dialect.is_extended:
            return []
        details = messages.SessionDetails(
            id=begun.label,
            variant=begun.variant,
            pod=begun.pod or None,
            resume_token=begun.resume_token,
            resumed=begun.is_resumed,
            media_format=messages.MediaFormat(
                encoding=self._form.name,
                sample_rate=self._form.clock_hz,
                channels=self._form.codec.channels,
            ),
            max_frame_ms=MAX_FRAME_MS,
            payload_type=(self._form.codec.payload_type if self.dialect is Dialect.RTP else None),
        )
        return [Say(write_message(messages.Started(stream_sid=self._sid, session=details)))]

    def frame(self, packet: bytes) -> Frame:
        """An RTP packet for the client, as a frame."""
        return self._depacketizer.frame(packet, self._packetizer.first_chunk)

    def duration_ms(self, packet: bytes) -> float:
        """How long an RTP packet for the client lasts."""
        start, end = payload_bounds(packet)
        return self._form.units(packet[start:end]) * 1000 / self._form.clock_hz

    def media(self, frame: Frame) -> str:
        """The frame as a message."""
        payload = binascii.b2a_base64(frame.payload, newline=False).decode()
        if self.dialect.is_extended:
            return write_media(self._sid, payload, frame.chunk, frame.timestamp_ms)
        return write_media(self._sid, payload)

    def mark(self, now_ns: int) -> str | None:
        """What goes behind the frame that is sent now, if it is time to measure."""
        name = self._marks.behind_frame(now_ns)
        if name is None:
            return None
        mark = messages.ServerMark(stream_sid=self._sid, mark=messages.MarkDetails(name=name))
        return write_message(mark)

    def ping(self, now_ns: int) -> list[Action]:
        """Measures the round trip, where the dialect can."""
        if not self.dialect.is_extended or self._phase is not Phase.STARTED:
            return []
        return [Say(write_message(messages.Ping(event="ping", t=now_ns // NS_PER_MS)))]

    def ask_to_move(self, move: Move) -> list[Action]:
        """Asks the client to open a new connection before it closes this one."""
        if not self.dialect.is_extended or self._phase is not Phase.STARTED:
            return []
        reconnect = messages.Reconnect(
            reason=move.reason,
            after=move.after,
            within_ms=round(move.within_s * 1000),
            resume_token=move.resume_token,
        )
        return [Say(write_message(reconnect))]


def _reception(stats: messages.Stats) -> ListenerReception:
    """What a client counts in milliseconds, in our units."""
    return ListenerReception(
        packets_lost=stats.lost,
        jitter_s=None if stats.jitter_ms is None else stats.jitter_ms / 1000,
        buffered_s=None if stats.buffered_ms is None else stats.buffered_ms / 1000,
        underruns=stats.underruns,
    )
