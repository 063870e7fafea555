"""What a worker does with one session's packets: decode, conceal, encode again.

Runs in threads of the room, one batch of a session at a time, never in two at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from voicemedia_server.ports import DecoderCounts
from voicemedia_server.sessions.offer import Codec
from voicemedia_server.transcode.decoder import Decoder
from voicemedia_server.transcode.encoder import (
    Encoder,
    RtpStart,
    encoded_form,
    stereo_is_wanted,
)
from voicemedia_server.transcode.pcm import RATES_HZ, PcmFormat


@dataclass(frozen=True, slots=True)
class Batch:
    """Packets in the order in which they came; `is_last` when nothing came for a while, so that
    whatever is held back must be given out."""

    packets: Sequence[bytes]
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The packets that a batch made, and what was counted so far."""

    packets: list[bytes] = field(default_factory=list)
    counts: DecoderCounts = field(default_factory=DecoderCounts)
    is_holding: bool = False


class Reencoding:
    """All codecs agreed on in, the first of them out. Raises `NotEncodable`.

    libopus is opened by the first batch, in a worker: it takes about two milliseconds.
    """

    def __init__(self, codecs: Sequence[Codec], start: RtpStart) -> None:
        first = codecs[0]
        channels = 2 if stereo_is_wanted(first) else 1
        self._codecs = codecs
        self._start = start
        self._form = encoded_form(first, PcmFormat(RATES_HZ[-1], channels))
        self._ends: tuple[Decoder, Encoder] | None = None

    def run(self, batch: Batch) -> Outcome:
        """Does one batch."""
        if self._ends is None:
            decoder = Decoder(self._codecs, self._form)
            self._ends = decoder, Encoder(self._codecs[0], self._form, self._start)
        decoder, encoder = self._ends
        stretches = [pcm for packet in batch.packets for pcm in decoder.take(packet)]
        if batch.is_last:
            stretches += decoder.flush()
        packets = [packet for pcm in stretches for packet in encoder.take(pcm)]
        return Outcome(packets, decoder.counts, decoder.is_holding)
