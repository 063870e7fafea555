"""Every message of WebSocket v2, as it stands on the wire (docs/websocket-v2.md).

The models are the only source: the JSON Schemas in docs/ are made from them. Numbers may come as
strings, since Twilio sends them so. Unknown members are passed over, unknown events are not.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from voicemedia_rollout.document import Variant

MAX_MESSAGE_BYTES = 65536
STREAM_SID = r"^[A-Za-z0-9_-]{1,64}$"
Count = Annotated[int, Field(ge=0, lt=1 << 53)]
Name = Annotated[str, Field(max_length=256)]
Sid = Annotated[str, Field(pattern=STREAM_SID)]
Token = Annotated[str, Field(max_length=8192)]


class Wire(BaseModel):
    """A part of a message: camel case outside, frozen inside."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        json_schema_serialization_defaults_required=True,
    )


class CloseCode(IntEnum):
    """Why a connection is closed (RFC 6455 section 7.4.1, and the registry that it founded)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL = 1002
    UNSUPPORTED = 1003
    INVALID = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL = 1011
    RESTART = 1012
    TRY_LATER = 1013


class ErrorCode(StrEnum):
    """What was wrong with a message."""

    NOT_JSON = "not_json"
    MESSAGE_TOO_BIG = "message_too_big"
    UNKNOWN_EVENT = "unknown_event"
    INVALID_MESSAGE = "invalid_message"
    INVALID_PAYLOAD = "invalid_payload"
    UNSUPPORTED_FORMAT = "unsupported_format"
    FRAME_TOO_LONG = "frame_too_long"
    NOT_STARTED = "not_started"
    ALREADY_STARTED = "already_started"
    START_TIMEOUT = "start_timeout"
    RESUME_FAILED = "resume_failed"
    TOO_MANY_MESSAGES = "too_many_messages"
    UNEXPECTED_BINARY = "unexpected_binary"
    REFUSED = "refused"


class MessageRefused(Exception):
    """The client said what cannot be taken; the connection ends with `close_code`."""

    def __init__(self, code: ErrorCode, detail: str, close_code: CloseCode) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.close_code = close_code


# -- from the client ------------------------------------------------------------------------


class MediaFormat(Wire):
    """The form of the audio. A codec that cannot be taken is refused when the call starts."""

    encoding: Name = "audio/x-mulaw"
    sample_rate: Count = 8000
    channels: Count = 1


class Connected(Wire):
    """Twilio's first message."""

    event: Literal["connected"]
    protocol: Name | None = None
    version: Name | None = None


class StartDetails(Wire):
    """What the call is."""

    stream_sid: Sid | None = None
    account_sid: Name | None = None
    call_sid: Name | None = None
    media_format: MediaFormat = MediaFormat()
    custom_parameters: dict[str, str] = {}
    resume_token: Token | None = None  # of the session that this one takes over; extension


class Start(Wire):
    """Begins the call; audio may follow."""

    event: Literal["start"]
    sequence_number: Count | None = None
    stream_sid: Sid | None = None
    start: StartDetails = StartDetails()

    @property
    def sid(self) -> str | None:
        """The stream's name, wherever the client put it."""
        return self.stream_sid or self.start.stream_sid


class MediaDetails(Wire):
    """A frame. `chunk` counts frames, `timestamp` is milliseconds since the start."""

    payload: str
    track: Name | None = None
    chunk: Count | None = None
    timestamp: Count | None = None


class Media(Wire):
    """One frame of the client's audio, in base64."""

    event: Literal["media"]
    sequence_number: Count | None = None
    stream_sid: Sid | None = None
    media: MediaDetails


class MarkDetails(Wire):
    """The name that the server gave."""

    name: Name


class Mark(Wire):
    """A mark of the server's: what was sent before it has been played, or cleared."""

    event: Literal["mark"]
    sequence_number: Count | None = None
    stream_sid: Sid | None = None
    mark: MarkDetails


class DtmfDetails(Wire):
    """A key."""

    digit: Annotated[str, Field(pattern=r"^[0-9A-D*#]$")]
    track: Name | None = None


class Clear(Wire):
    """What was said so far shall be heard no more, what of it waits is thrown away."""

    event: Literal["clear"]
    sequence_number: Count | None = None
    stream_sid: Sid | None = None


class Dtmf(Wire):
    """A key was pressed on the phone."""

    event: Literal["dtmf"]
    sequence_number: Count | None = None
    stream_sid: Sid | None = None
    dtmf: DtmfDetails


class Stop(Wire):
    """The call is over."""

    event: Literal["stop"]
    sequence_number: Count | None = None
    stream_sid: Sid | None = None


class Ping(Wire):
    """Asks for a pong with the same `t`, the sender's milliseconds. Either side; extension."""

    event: Literal["ping"]
    t: Count


class Pong(Wire):
    """Answers a ping: its `t`, and the milliseconds of who answers. Either side; extension."""

    event: Literal["pong"]
    t: Count
    s: Count | None = None


class Stats(Wire):
    """How the client hears us, every few seconds; extension."""

    event: Literal["stats"]
    rtt_ms: Annotated[float, Field(ge=0, le=600_000)] | None = None
    jitter_ms: Annotated[float, Field(ge=0, le=600_000)] | None = None
    lost: Count | None = None
    buffered_ms: Annotated[float, Field(ge=0, le=600_000)] | None = None
    underruns: Count | None = None


ClientMessage = Connected | Start | Media | Mark | Clear | Dtmf | Stop | Ping | Pong | Stats
EXTENSIONS = (Ping, Pong, Stats)
READER: TypeAdapter[ClientMessage] = TypeAdapter(
    Annotated[ClientMessage, Field(discriminator="event")]
)


def read_message(text: str) -> ClientMessage:
    """Raises `MessageRefused` with the member that is wrong, never with its value."""
    check_size(len(text) if text.isascii() else len(text.encode()))
    try:
        return READER.validate_json(text)
    except ValidationError as failure:
        raise _refused(failure) from None


def check_size(size_bytes: int) -> None:
    """Raises `MessageRefused` for a message over `MAX_MESSAGE_BYTES`."""
    if size_bytes > MAX_MESSAGE_BYTES:
        raise MessageRefused(
            ErrorCode.MESSAGE_TOO_BIG,
            f"A message has {MAX_MESSAGE_BYTES} bytes at most.",
            CloseCode.TOO_BIG,
        )


def _refused(failure: ValidationError) -> MessageRefused:
    """The first fault, in words for the client."""
    fault = failure.errors(include_url=False, include_input=False, include_context=False)[0]
    match fault["type"]:
        case "json_invalid":
            return MessageRefused(ErrorCode.NOT_JSON, "The message is not JSON.", CloseCode.INVALID)
        case "union_tag_invalid" | "union_tag_not_found":
            return MessageRefused(
                ErrorCode.UNKNOWN_EVENT,
                "The message has no event that is known here.",
                CloseCode.UNSUPPORTED,
            )
    member = ".".join(str(part) for part in fault["loc"]) or "the message"
    return MessageRefused(
        ErrorCode.INVALID_MESSAGE, f"{member}: {fault['msg']}.", CloseCode.INVALID
    )


# -- from the server ------------------------------------------------------------------------


class EchoedMedia(Wire):
    """A frame for the client; `chunk`, `timestamp` and `track` only with the extensions."""

    payload: str
    chunk: Count | None = None
    timestamp: Count | None = None
    track: Literal["outbound"] | None = None


class ServerMedia(Wire):
    """One frame of audio for the client, in base64."""

    event: Literal["media"] = "media"
    stream_sid: Sid
    media: EchoedMedia


class ServerMark(Wire):
    """Comes back when what was sent before it has been played."""

    event: Literal["mark"] = "mark"
    stream_sid: Sid
    mark: MarkDetails


class ServerClear(Wire):
    """Play nothing of what was sent so far; the marks in it come back at once."""

    event: Literal["clear"] = "clear"
    stream_sid: Sid


class SessionDetails(Wire):
    """What the server made of the start."""

    id: Name
    variant: Variant = Variant.WEBSOCKET
    pod: Name | None = None
    resume_token: Token
    resumed: bool = False
    media_format: MediaFormat
    max_frame_ms: Count
    payload_type: Count | None = None  # of RTP packets, under vm.v2.rtp


class Started(Wire):
    """The call has begun; extension."""

    event: Literal["started"] = "started"
    stream_sid: Sid
    session: SessionDetails


class Reconnect(Wire):
    """Open a new connection after `after`, start it with `resumeToken`, then close this one;
    all within so many milliseconds; extension."""

    event: Literal["reconnect"] = "reconnect"
    reason: Name
    after: AwareDatetime
    within_ms: Count
    resume_token: Token


class Error(Wire):
    """What was wrong. The connection is about to be closed, but for `resume_failed`: then the
    call begins anew; extension."""

    event: Literal["error"] = "error"
    code: ErrorCode
    message: str
    retryable: bool = False


ServerMessage = ServerMedia | ServerMark | ServerClear | Started | Reconnect | Error | Ping | Pong


def write_message(message: ServerMessage) -> str:
    """As it goes over the wire."""
    return message.model_dump_json(by_alias=True, exclude_none=True)


def write_media(
    stream_sid: str, payload: str, chunk: int | None = None, timestamp: int | None = None
) -> str:
    """A `ServerMedia` without the model, as often as frames come: the same text.

    Neither a stream's name nor base64 has a character that JSON would escape. `chunk` and
    `timestamp` come together or not at all.
    """
    numbers = ""
    if chunk is not None:
        numbers = f',"chunk":{chunk},"timestamp":{timestamp},"track":"outbound"'
    return (
        f'{{"event":"media","streamSid":"{stream_sid}","media":{{"payload":"{payload}"{numbers}}}}}'
    )
