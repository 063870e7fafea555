"""What both sides of a WebSocket v2 connection may say, and when: a protocol without a socket.

Messages and packets go in, actions come out; the shell carries them out in their order. Under
`twilio` nothing but Twilio's own messages is ever said; the extensions need a `vm.*` subprotocol.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from voicemedia_server.ports import ListenerReception
from voicemedia_server.rtp.header import RtpMalformed, payload_bounds
from voicemedia_server.websocket import messages
from voicemedia_server.websocket.formats import (
    MAX_FRAME_MS,
    AudioFormat,
    choose_format,
)
from voicemedia_server.websocket.messages import (
    CloseCode,
    ErrorCode,
    MessageRefused,
    write_media,
    write_message,
)
from voicemedia_server.websocket.packets import Depacketizer, Frame, Packetizer

NS_PER_MS = 1_000_000


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
    """Open a session for this form, then call `begun`."""

    form: AudioFormat
    token: str | None


@dataclass(frozen=True, slots=True)
class Relay:
    """Give this RTP packet to the plane."""

    packet: bytes


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


Action = Say | Begin | Relay | Note | Close


class Conversation:
    """One connection. `ssrc` is that of the client's packets, drawn by the caller; `new_sid` names
    streams that the client did not name."""

    def __init__(self, dialect: Dialect, ssrc: int, new_sid: Callable[[], str]) -> None:
        self.dialect = dialect
        self._ssrc = ssrc
        self._new_sid = new_sid
        self._phase = Phase.EXPECTING_START
        self._sid = ""
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
        return self._guarded(lambda: self._take(messages.read_message(text), now_ns))

    def receive_binary(self, packet: bytes) -> list[Action]:
        """A binary message: one RTP packet, under `vm.v2.rtp`."""
        return self._guarded(lambda: [self._take_packet(packet)])

    def miss_start(self) -> list[Action]:
        """The start did not come in time."""
        return self.refuse(
            MessageRefused(ErrorCode.START_TIMEOUT, "No start came in time.", CloseCode.POLICY)
        )

    def _guarded(self, take: Callable[[], list[Action]]) -> list[Action]:
        if self._phase is Phase.ENDED:
            return []
        try:
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
            case messages.Stats(jitter_ms=jitter_ms, lost=lost):
                jitter_s = None if jitter_ms is None else jitter_ms / 1000
                return [Note(ListenerReception(packets_lost=lost, jitter_s=jitter_s))]
        return []  # marks and keys: nothing waits for them

    def _start(self, start: messages.Start) -> list[Action]:
        if self._phase is not Phase.EXPECTING_START:
            raise MessageRefused(
                ErrorCode.ALREADY_STARTED, "The call has begun already.", CloseCode.POLICY
            )
        self._form = choose_format(start.start.media_format)
        self._sid = start.sid or self._new_sid()
        self._packetizer = Packetizer(self._form, self._ssrc)
        self._depacketizer = Depacketizer(self._form)
        self._phase = Phase.STARTED
        return [Begin(self._form, start.start.custom_parameters.get("token"))]

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

    def begun(self, session_label: str) -> list[Action]:
        """The session that `Begin` asked for is open."""
        if not self.dialect.is_extended:
            return []
        details = messages.SessionDetails(
            id=session_label,
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

    def ping(self, now_ns: int) -> list[Action]:
        """Measures the round trip, where the dialect can."""
        if not self.dialect.is_extended or self._phase is not Phase.STARTED:
            return []
        return [Say(write_message(messages.Ping(event="ping", t=now_ns // NS_PER_MS)))]

    def ask_to_move(self, reason: str, within_s: float) -> list[Action]:
        """Asks the client to open a new connection before it closes this one."""
        if not self.dialect.is_extended or self._phase is not Phase.STARTED:
            return []
        moved = messages.Reconnect(reason=reason, within_ms=round(within_s * 1000))
        return [Say(write_message(moved))]
