"""Frames of the wire to RTP packets and back, so that both transports share one relay. Pure.

A frame's chunk number is the sequence number, its milliseconds are the timestamp. Clients that
send neither are counted for. In RTP a codec's clock, wrapping fields and SSRC are as RFC 3550
has them; payloads are never touched.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from voicemedia_server.rtp.header import build_packet, parse_header
from voicemedia_server.rtp.sequence import unwrap
from voicemedia_server.websocket.formats import AudioFormat
from voicemedia_server.websocket.messages import (
    CloseCode,
    ErrorCode,
    MediaDetails,
    MessageRefused,
)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame for the client. `timestamp_ms` and `chunk` are those of whoever spoke."""

    payload: bytes
    chunk: int
    timestamp_ms: int


class Packetizer:
    """Frames of one client to RTP packets of one SSRC."""

    __slots__ = ("_form", "_next_chunk", "_next_units", "_ssrc", "first_chunk")

    def __init__(self, form: AudioFormat, ssrc: int) -> None:
        self._form = form
        self._ssrc = ssrc
        self._next_chunk = 1
        self._next_units = 0
        self.first_chunk: int | None = None

    def packet(self, media: MediaDetails) -> bytes:
        """Raises `MessageRefused` where the payload is no frame of this form."""
        try:
            payload = base64.b64decode(media.payload, validate=True)
        except (binascii.Error, ValueError):
            raise MessageRefused(
                ErrorCode.INVALID_PAYLOAD, "media.payload is not base64.", CloseCode.INVALID
            ) from None
        units = self._form.units(payload)
        chunk = self._next_chunk if media.chunk is None else media.chunk
        at_units = self._next_units
        if media.timestamp is not None:
            at_units = media.timestamp * self._form.clock_hz // 1000
        self._next_chunk, self._next_units = chunk + 1, at_units + units
        if self.first_chunk is None:
            self.first_chunk = chunk
        return build_packet(
            payload,
            payload_type=self._form.codec.payload_type,
            sequence=chunk & 0xFFFF,
            timestamp=at_units & 0xFFFFFFFF,
            ssrc=self._ssrc,
        )


class Depacketizer:
    """RTP packets of one stream of ours to frames."""

    __slots__ = ("_chunk_offset", "_form", "_highest", "_highest_units")

    def __init__(self, form: AudioFormat) -> None:
        self._form = form
        self._highest: int | None = None
        self._highest_units = 0
        self._chunk_offset = 0

    def frame(self, packet: bytes, first_chunk: int | None) -> Frame:
        """`first_chunk` is the number that the first frame shall have: that of the client's own
        first one, so that an echo carries the numbers under which it was sent."""
        header = parse_header(packet)
        payload = packet[header.length : len(packet) - header.padding_bytes]
        if self._highest is None:
            self._highest, self._highest_units = header.sequence, header.timestamp
            self._chunk_offset = (1 if first_chunk is None else first_chunk) - header.sequence
        extended = unwrap(self._highest, header.sequence)
        step = ((header.timestamp - self._highest_units + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        units = self._highest_units + step
        if extended >= self._highest:
            self._highest, self._highest_units = extended, units
        return Frame(
            payload=payload,
            chunk=max(0, extended + self._chunk_offset),
            timestamp_ms=max(0, units) * 1000 // self._form.clock_hz,
        )
