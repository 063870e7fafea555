"""From one payload to sound, for each codec: decode, recover from FEC, conceal.

A `PayloadDecoder` has the state of one stream and speaks in units of the codec's RTP clock.
"""

from __future__ import annotations

from typing import Protocol

import av
from av.audio.codeccontext import AudioCodecContext

from voicemedia_server.rtp import opus_packet
from voicemedia_server.sessions.offer import Codec
from voicemedia_server.transcode import waveform
from voicemedia_server.transcode.libopus import OpusDecoder, OpusRefused
from voicemedia_server.transcode.pcm import PcmFormat

G711_CODECS = {"pcmu": "pcm_mulaw", "pcma": "pcm_alaw"}
G711_FORMAT = PcmFormat(waveform.RATE_HZ)


class PayloadRefused(ValueError):
    """The payload is none of this codec."""


class PayloadDecoder(Protocol):
    """One stream of one codec. `form` is what it makes; durations are in units of `clock_hz`."""

    clock_hz: int
    grain_units: int
    form: PcmFormat

    def units(self, payload: bytes) -> int:
        """How long the payload lasts. Raises `PayloadRefused`."""
        ...

    def decode(self, payload: bytes) -> bytes:
        """Its sound. Raises `PayloadRefused`."""
        ...

    def recover(self, next_payload: bytes, units: int) -> bytes | None:
        """The sound before a payload that holds a copy of it, or None where it holds none."""
        ...

    def conceal(self, units: int) -> bytes:
        """Sound for what was lost: a multiple of `grain_units`."""
        ...


def open_payload_decoder(codec: Codec, form: PcmFormat) -> PayloadDecoder | None:
    """The decoder for a codec, as near to `form` as it can; None for what is no sound here."""
    if codec.name == "opus":
        return OpusPayloads(form)
    if codec.name in G711_CODECS:
        return G711Payloads(G711_CODECS[codec.name])
    return None


class OpusPayloads:
    """Opus (RFC 7587), decoded to the wanted rate and channels by libopus itself."""

    clock_hz = opus_packet.CLOCK_HZ
    grain_units = opus_packet.CLOCK_HZ // 400

    def __init__(self, form: PcmFormat) -> None:
        self.form = form
        self._decoder = OpusDecoder(form)

    def units(self, payload: bytes) -> int:
        """From the packet's own description."""
        try:
            return opus_packet.packet_units(payload)
        except opus_packet.OpusMalformed as failure:
            raise PayloadRefused(str(failure)) from failure

    def decode(self, payload: bytes) -> bytes:
        """Its sound; comfort noise for one of DTX."""
        try:
            return self._decoder.decode(payload)
        except OpusRefused as failure:
            raise PayloadRefused(str(failure)) from failure

    def recover(self, next_payload: bytes, units: int) -> bytes | None:
        """In-band FEC (RFC 6716 section 2.1.7)."""
        if not opus_packet.carries_fec(next_payload):
            return None
        try:
            return self._decoder.recover(next_payload, self._samples(units))
        except OpusRefused:
            return None  # the packet itself is refused next, and counted there

    def conceal(self, units: int) -> bytes:
        """libopus's own concealment."""
        return self._decoder.conceal(self._samples(units))

    def _samples(self, units: int) -> int:
        return units * self.form.rate_hz // self.clock_hz


class G711Payloads:
    """μ-law or A-law (RFC 3551 section 4.5.14), concealed by repeating the last pitch period."""

    clock_hz = waveform.RATE_HZ
    grain_units = 1
    form = G711_FORMAT

    def __init__(self, ffmpeg_name: str) -> None:
        context = av.CodecContext.create(ffmpeg_name, "r")
        assert isinstance(context, AudioCodecContext), "both laws are audio"
        context.sample_rate = waveform.RATE_HZ
        context.layout = "mono"
        self._context = context
        self._waveform = waveform.Waveform()

    def units(self, payload: bytes) -> int:
        """A byte is a sample."""
        return len(payload)

    def decode(self, payload: bytes) -> bytes:
        """Its sound; every byte has one."""
        made = self._context.decode(av.Packet(payload))
        return self._waveform.heard(b"".join(bytes(frame.planes[0]) for frame in made))

    def recover(self, next_payload: bytes, units: int) -> bytes | None:
        """Never: G.711 carries no copy."""
        return None

    def conceal(self, units: int) -> bytes:
        """By the waveform."""
        return self._waveform.conceal(units)
