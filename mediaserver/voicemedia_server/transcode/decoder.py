"""One speaker's RTP packets to sound: in order, with what was lost recovered or concealed.

A packet that is missing is waited for shortly (`order`). If it stays away, the next packet's
in-band FEC brings it back where the sender put one in, else the codec conceals it. A pause of
the source (DTX: time goes on without a gap in the numbers) stays a pause in the positions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from voicemedia_server.ports import DecoderCounts
from voicemedia_server.rtp.header import RtpHeader, RtpMalformed, parse_header
from voicemedia_server.sessions.offer import Codec
from voicemedia_server.transcode.order import WINDOW_PACKETS, ReorderWindow
from voicemedia_server.transcode.payloads import (
    PayloadDecoder,
    PayloadRefused,
    open_payload_decoder,
)
from voicemedia_server.transcode.pcm import Pcm, PcmFormat
from voicemedia_server.transcode.resampler import Resampler

MAX_CONCEALED_MS = 120
"""Concealment has faded by then; what is missing beyond it is a pause."""
MAX_LOST_IN_ROW = 3000
"""A larger step in the numbers is a new count (RFC 3550 appendix A.1, MAX_DROPOUT)."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    header: RtpHeader
    payload: bytes


class Decoder:
    """Packets in, sound of `form` out. Not for two threads at a time."""

    def __init__(
        self, codecs: Iterable[Codec], form: PcmFormat, window_packets: int = WINDOW_PACKETS
    ) -> None:
        self._codecs = {codec.payload_type: codec for codec in codecs}
        self._form = form
        self._window: ReorderWindow[_Arrival] = ReorderWindow(window_packets)
        self._ssrc = -1
        self._stream: _Stream | None = None
        self._last_number: int | None = None
        self._end = 0
        self.counts = DecoderCounts()

    @property
    def is_holding(self) -> bool:
        """Packets wait for an older one; `flush` when nothing comes for a while."""
        return self._window.is_holding

    def take(self, packet: bytes) -> list[Pcm]:
        """The sound that is ready after this packet, in order."""
        try:
            header = parse_header(packet)
        except RtpMalformed:
            self.counts.malformed += 1
            return []
        made: list[Pcm] = []
        if header.ssrc != self._ssrc:
            made += self.flush()
            self._begin_source(header.ssrc)
        payload = packet[header.length : len(packet) - header.padding_bytes]
        made += self._decode_all(self._window.put(header.sequence, _Arrival(header, payload)))
        return made

    def flush(self) -> list[Pcm]:
        """The sound of all packets that are held back."""
        return self._decode_all(self._window.flush())

    def _begin_source(self, ssrc: int) -> None:
        self._ssrc = ssrc
        self._window.begin()
        self._stream = None
        self._last_number = None

    def _decode_all(self, ready: list[tuple[int, _Arrival]]) -> list[Pcm]:
        made: list[Pcm] = []
        for number, arrival in ready:
            made += self._decode(number, arrival)
        if made:
            self._end = made[-1].end
        self.counts.late = self._window.late
        self.counts.duplicated = self._window.duplicated
        return made

    def _decode(self, number: int, arrival: _Arrival) -> list[Pcm]:
        lost = 0 if self._last_number is None else number - self._last_number - 1
        if lost > MAX_LOST_IN_ROW:
            lost = 0
        stream = self._stream_of(arrival.header.payload_type)
        if stream is None or not arrival.payload:
            self.counts.foreign += stream is None
            self._last_number = number
            return []
        try:
            made = stream.take(arrival, lost, self.counts)
        except PayloadRefused:
            self.counts.malformed += 1
            return []  # the next packet finds this one lost
        self._last_number = number
        self.counts.lost += lost
        return made

    def _stream_of(self, payload_type: int) -> _Stream | None:
        """The stream that goes on, or a new one where the source changes its codec."""
        if self._stream is not None and self._stream.payload_type == payload_type:
            return self._stream
        codec = self._codecs.get(payload_type)
        payloads = None if codec is None else open_payload_decoder(codec, self._form)
        if payloads is None:
            return None
        self._stream = _Stream(payload_type, payloads, self._form, self._end)
        return self._stream


class _Stream:
    """Packets of one source and codec, in order. `_expected` is the timestamp that follows."""

    def __init__(
        self, payload_type: int, payloads: PayloadDecoder, form: PcmFormat, position: int
    ) -> None:
        self.payload_type = payload_type
        self._payloads = payloads
        self._resampler = Resampler(payloads.form, form)
        self._position = -(-position * payloads.form.rate_hz // form.rate_hz)
        self._expected: int | None = None
        self._last_units = 0
        self._clock_ratio = payloads.form.rate_hz, payloads.clock_hz

    def take(self, arrival: _Arrival, lost: int, counts: DecoderCounts) -> list[Pcm]:
        """The sound of a packet, and before it of `lost` ones.

        Raises `PayloadRefused` where nothing can be known of it, not even how long it is.
        """
        payloads, timestamp = self._payloads, arrival.header.timestamp
        units = payloads.units(arrival.payload)
        made: list[Pcm] = []
        if self._expected is not None:
            missing = (timestamp - self._expected) & 0xFFFFFFFF
            if missing < 0x80000000:  # else the source's clock jumped back: it goes on from here
                made += self._bridge(arrival.payload, lost, missing, counts)
        try:
            data = payloads.decode(arrival.payload)
            counts.decoded += 1
        except PayloadRefused:
            data = payloads.conceal(units)
            counts.malformed += 1
        made += self._emit(data)
        self._expected = timestamp + units & 0xFFFFFFFF
        self._last_units = units
        return made

    def _bridge(
        self, next_payload: bytes, lost: int, missing: int, counts: DecoderCounts
    ) -> list[Pcm]:
        """Fills `missing` units with sound for the lost packets, and the rest with a pause."""
        payloads, step = self._payloads, self._last_units
        behind = self._position + self._samples(missing)
        absent = min(missing, lost * step)
        limit = payloads.clock_hz * MAX_CONCEALED_MS // 1000
        is_whole = absent == missing and absent <= limit
        tail = min(step, absent) if is_whole else 0  # the one before the packet that is here
        head = min(absent, limit) - tail
        made: list[Pcm] = []
        while head >= payloads.grain_units:
            part = min(step, head)
            made += self._conceal(part, counts)
            head -= part
        if tail >= payloads.grain_units:
            recovered = payloads.recover(next_payload, tail)
            if recovered is None:
                made += self._conceal(tail, counts)
            else:
                counts.recovered += 1
                made += self._emit(recovered)
        self._position = max(self._position, behind)
        return made

    def _conceal(self, units: int, counts: DecoderCounts) -> list[Pcm]:
        whole = units - units % self._payloads.grain_units
        counts.concealed += 1
        return self._emit(self._payloads.conceal(whole))

    def _emit(self, data: bytes) -> list[Pcm]:
        pcm = Pcm(data, self._payloads.form, self._position)
        self._position = pcm.end
        return self._resampler.take(pcm)

    def _samples(self, units: int) -> int:
        rate_hz, clock_hz = self._clock_ratio
        return units * rate_hz // clock_hz
