"""Sound to RTP packets of 20 ms: Opus with in-band FEC, or G.711 (PyAV).

A pause in the sound is one in the timestamps, and the first packet after it has the marker
(RFC 3551 section 4.1); sequence numbers have no gaps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import av
from av.audio.codeccontext import AudioCodecContext

from voicemedia_server.rtp.header import build_packet
from voicemedia_server.sessions.offer import Codec
from voicemedia_server.transcode.payloads import G711_CODECS, G711_FORMAT
from voicemedia_server.transcode.pcm import RATES_HZ, Pcm, PcmFormat
from voicemedia_server.transcode.resampler import Resampler, to_frame

PACKETS_PER_S = 50
MONO_BIT_RATE = 32_000
STEREO_BIT_RATE = 64_000
LOWEST_BIT_RATE = 6_000  # RFC 7587 section 7.1
EXPECTED_LOSS_PERCENT = 10
"""What libopus prepares for: the more, the more bits go into the copies."""
COMPLEXITY = "5"
"""Of 0 to 10: three quarters of the CPU of 10."""
NO_MARKER = range(64, 96)
"""Payload types that read as RTCP with the marker set (RFC 5761 section 4)."""


@dataclass(frozen=True, slots=True)
class RtpStart:
    """Where a stream of packets begins: drawn at random by the caller (RFC 3550 section 5.1)."""

    ssrc: int
    sequence: int
    timestamp: int


class NotEncodable(ValueError):
    """We have no encoder for this codec."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no encoder for {name}")
        self.name = name


def stereo_is_wanted(codec: Codec) -> bool:
    """Whether the other side would rather get two channels (RFC 7587 section 6.1)."""
    return codec.name == "opus" and _parameter(codec, "stereo") == 1


def encoded_form(codec: Codec, wanted: PcmFormat) -> PcmFormat:
    """The form that the encoder of `codec` takes: `wanted` itself where it can."""
    if codec.name in G711_CODECS:
        return G711_FORMAT
    if codec.name != "opus":
        raise NotEncodable(codec.name)
    rate_hz = wanted.rate_hz if wanted.rate_hz in RATES_HZ else RATES_HZ[-1]
    return PcmFormat(rate_hz, wanted.channels)


class Encoder:
    """Sound of `form` in, packets out. Not for two threads at a time. Raises `NotEncodable`."""

    def __init__(
        self,
        codec: Codec,
        form: PcmFormat,
        start: RtpStart,
        expected_loss_percent: int = EXPECTED_LOSS_PERCENT,
    ) -> None:
        self._codec = codec
        self._form = encoded_form(codec, form)
        self._resampler = Resampler(form, self._form)
        self._context = _open_context(codec, self._form, expected_loss_percent)
        self._packet_samples = self._form.rate_hz // PACKETS_PER_S
        self._ssrc = start.ssrc
        self._sequence = start.sequence
        self._first_timestamp = start.timestamp
        self._waiting = bytearray()
        self._position = 0  # of the first sample that waits
        self._has_marker = True

    def take(self, pcm: Pcm) -> list[bytes]:
        """The packets that are full after this stretch of sound."""
        packets: list[bytes] = []
        for ready in self._resampler.take(pcm):
            packets += self._catch_up(ready.position)
            self._waiting += ready.data
            packets += self._encode_full()
        return packets

    def _catch_up(self, position: int) -> list[bytes]:
        """Goes on to `position`: the packet that was begun is filled with silence first."""
        waiting = len(self._waiting) // self._form.block_bytes
        pause = position - self._position - waiting
        if pause <= 0:
            return []
        filled = min(pause, self._packet_samples - waiting) if waiting else 0
        self._waiting += bytes(filled * self._form.block_bytes)
        packets = self._encode_full()
        if filled < pause:
            self._position = position
            self._has_marker = True
        return packets

    def _encode_full(self) -> list[bytes]:
        packets = []
        packet_bytes = self._packet_samples * self._form.block_bytes
        while len(self._waiting) >= packet_bytes:
            data = bytes(self._waiting[:packet_bytes])
            del self._waiting[:packet_bytes]
            packets.append(self._packet(data))
        return packets

    def _packet(self, data: bytes) -> bytes:
        frame = to_frame(Pcm(data, self._form, self._position))
        payload = b"".join(bytes(made) for made in self._context.encode(frame))
        timestamp = self._position * self._codec.clock_hz // self._form.rate_hz
        packet = build_packet(
            payload,
            payload_type=self._codec.payload_type,
            sequence=self._sequence,
            timestamp=(self._first_timestamp + timestamp) & 0xFFFFFFFF,
            ssrc=self._ssrc,
            marker=self._has_marker and self._codec.payload_type not in NO_MARKER,
        )
        self._position += self._packet_samples
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._has_marker = False
        return packet


def _open_context(codec: Codec, form: PcmFormat, expected_loss_percent: int) -> AudioCodecContext:
    context = av.CodecContext.create(G711_CODECS.get(codec.name, "libopus"), "w")
    assert isinstance(context, AudioCodecContext), "these encoders are audio"
    context.sample_rate = form.rate_hz
    context.layout = form.layout
    context.format = "s16"
    if codec.name == "opus":
        highest = STEREO_BIT_RATE if form.channels == 2 else MONO_BIT_RATE
        asked = _parameter(codec, "maxaveragebitrate") or highest
        context.bit_rate = max(LOWEST_BIT_RATE, min(highest, asked))
        context.options = {
            "application": "voip",
            "frame_duration": str(1000 // PACKETS_PER_S),
            "fec": str(int(_parameter(codec, "useinbandfec") == 1)),
            "packet_loss": str(expected_loss_percent),
            "compression_level": COMPLEXITY,
        }
    context.open()
    return context


def _parameter(codec: Codec, name: str) -> int | None:
    """A number among the format parameters (`a=fmtp`), None where it is not given."""
    found = re.search(rf"(?:^|;)\s*{name}=(\d{{1,9}})\s*(?:;|$)", codec.parameters)
    return int(found.group(1)) if found is not None else None
