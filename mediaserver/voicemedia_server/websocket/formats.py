"""The forms of audio that WebSocket v2 carries, and what they are in RTP. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from voicemedia_server.rtp.opus_packet import OpusMalformed, packet_units
from voicemedia_server.sessions.offer import Codec
from voicemedia_server.websocket.messages import (
    CloseCode,
    ErrorCode,
    MediaFormat,
    MessageRefused,
)

MAX_FRAME_MS = 60
L16_PAYLOAD_TYPE = 96  # dynamic (RFC 3551 section 6)
OPUS_PAYLOAD_TYPE = 111  # dynamic; the one that browsers take
OPUS_CLOCK_HZ = 48_000
MAX_OPUS_BYTES = 1275 * 3 + 7  # 60 ms in three frames of the largest (RFC 6716 section 3.4)


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """A form that was taken. `sample_bytes` is 0 where a frame's length says nothing of time."""

    name: str
    codec: Codec
    sample_bytes: int

    @property
    def clock_hz(self) -> int:
        """Of RTP timestamps."""
        return self.codec.clock_hz

    def units(self, payload: bytes) -> int:
        """How long a frame lasts, in units of the clock.

        Raises `MessageRefused` for a frame that is none, or longer than `MAX_FRAME_MS`.
        """
        if self.sample_bytes:
            units, rest = divmod(len(payload), self.sample_bytes)
            if rest:
                raise _invalid("The payload ends within a sample.")
        else:
            try:
                units = packet_units(payload)
            except OpusMalformed:
                raise _invalid("The payload is no Opus packet.") from None
            if len(payload) > MAX_OPUS_BYTES:
                raise _invalid("The payload is no Opus packet.")
        if units == 0:
            raise _invalid("The payload is empty.")
        if units * 1000 > MAX_FRAME_MS * self.clock_hz:
            raise MessageRefused(
                ErrorCode.FRAME_TOO_LONG,
                f"A frame lasts {MAX_FRAME_MS} ms at most.",
                CloseCode.INVALID,
            )
        return units


def _invalid(detail: str) -> MessageRefused:
    return MessageRefused(ErrorCode.INVALID_PAYLOAD, detail, CloseCode.INVALID)


MULAW = AudioFormat("audio/x-mulaw", Codec(0, "pcmu", 8000), 1)
ALAW = AudioFormat("audio/x-alaw", Codec(8, "pcma", 8000), 1)
OPUS = AudioFormat("audio/opus", Codec(OPUS_PAYLOAD_TYPE, "opus", OPUS_CLOCK_HZ, 2), 0)
L16 = {
    rate_hz: AudioFormat("audio/x-l16", Codec(L16_PAYLOAD_TYPE, "l16", rate_hz), 2)
    for rate_hz in (8000, 16000, 24000, 48000)
}
FORMATS = (MULAW, ALAW, *L16.values(), OPUS)


def choose_format(wanted: MediaFormat) -> AudioFormat:
    """The form that a client asks for. Raises `MessageRefused` with those that there are.

    Opus may be said to have one channel or two: the packet itself tells (RFC 7587 section 7).
    """
    for known in FORMATS:
        channels = (1, 2) if known is OPUS else (1,)
        if (
            wanted.encoding.lower() == known.name
            and wanted.sample_rate == known.clock_hz
            and wanted.channels in channels
        ):
            return known
    there_are = ", ".join(f"{known.name} {known.clock_hz}" for known in FORMATS)
    raise MessageRefused(
        ErrorCode.UNSUPPORTED_FORMAT,
        f"mediaFormat must be one of {there_are}, with one channel.",
        CloseCode.UNSUPPORTED,
    )
