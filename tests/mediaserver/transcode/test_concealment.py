"""What a listener hears through ten percent of loss, in figures (docs/decisions/0003).

The measure is the sound decoded without loss. "Silence" is what PyAV alone can do: its libopus
decodes what came, and nothing is there for what did not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import av
import numpy as np
import pytest

from mediaserver.transcode.builders import (
    NARROW,
    OPUS,
    OPUS_FEC,
    PCMU,
    WIDE,
    Samples,
    hear,
    packets,
    speech,
    ten_percent,
)
from voicemedia_server.ports import DecoderCounts
from voicemedia_server.sessions.offer import Codec
from voicemedia_server.transcode.decoder import Decoder
from voicemedia_server.transcode.pcm import PcmFormat

SECONDS = 8
HIGHEST_HZ = 4000
FLOOR = 30.0  # of a spectrum's line, so that silence is not infinitely far away


@dataclass(frozen=True, slots=True)
class Listened:
    """Sound with loss beside the same sound without it; `lost` are places of packets."""

    whole: Samples
    heard: Samples
    lost: Sequence[int]
    rate_hz: int
    counts: DecoderCounts

    def gaps(self, samples: Samples) -> list[Samples]:
        """The stretches in which a packet was lost."""
        step = self.rate_hz // 50
        return [samples[place * step : (place + 1) * step] for place in self.lost]

    @property
    def energy_ratio(self) -> float:
        """Energy in the gaps, of what was there without loss."""
        kept, was = (np.concatenate(self.gaps(s)) for s in (self.heard, self.whole))
        return float(np.sum(kept**2) / np.sum(was**2))

    @property
    def snr_in_gaps_db(self) -> float:
        """How far below the sound the difference lies, in the gaps; 0 for silence."""
        kept, was = (np.concatenate(self.gaps(s)) for s in (self.heard, self.whole))
        return float(10 * np.log10(np.sum(was**2) / np.sum((was - kept) ** 2)))

    @property
    def spectral_distance_db(self) -> float:
        """Log-spectral distance below 4 kHz, the mean over the gaps."""
        distances = [
            np.sqrt(np.mean((self._spectrum_db(kept) - self._spectrum_db(was)) ** 2))
            for kept, was in zip(self.gaps(self.heard), self.gaps(self.whole), strict=True)
        ]
        return float(np.mean(distances))

    def _spectrum_db(self, part: Samples) -> Samples:
        lines = np.abs(np.fft.rfft(part * np.hanning(len(part))))[: HIGHEST_HZ // 50]
        return np.asarray(20 * np.log10(lines + FLOOR))


def listen(codec: Codec, form: PcmFormat) -> Listened:
    """Speech through our decoder."""
    sent = packets(speech(SECONDS, rate_hz=form.rate_hz), codec, form)
    lost = ten_percent(len(sent))
    decoder = Decoder([codec], form)
    heard = hear(decoder, sent, lost=lost).samples
    whole = hear(Decoder([codec], form), sent).samples
    return Listened(whole, heard, sorted(lost), form.rate_hz, decoder.counts)


def listen_with_pyav_alone(codec: Codec) -> Listened:
    """The same speech and loss through PyAV's decoder."""
    sent = packets(speech(SECONDS), codec)
    lost = ten_percent(len(sent))

    def decode(without: frozenset[int]) -> Samples:
        context = av.CodecContext.create("libopus", "r")
        assert isinstance(context, av.AudioCodecContext)
        context.sample_rate, context.layout = 48_000, "mono"
        parts = [
            bytes(1920)
            if place in without
            else b"".join(bytes(f.planes[0])[:1920] for f in context.decode(av.Packet(packet[12:])))
            for place, packet in enumerate(sent)
        ]
        return np.frombuffer(b"".join(parts), "<i2").astype(float)

    whole = decode(frozenset())
    return Listened(whole, decode(lost), sorted(lost), 48_000, DecoderCounts())


@pytest.fixture(scope="module")
def with_fec() -> Listened:
    return listen(OPUS_FEC, WIDE)


@pytest.fixture(scope="module")
def without_fec() -> Listened:
    return listen(OPUS, WIDE)


@pytest.fixture(scope="module")
def narrow() -> Listened:
    return listen(PCMU, NARROW)


@pytest.fixture(scope="module")
def silence() -> Listened:
    return listen_with_pyav_alone(OPUS_FEC)


def test_with_pyav_alone_the_gaps_are_silent(silence: Listened) -> None:
    assert silence.energy_ratio == 0
    assert silence.snr_in_gaps_db == pytest.approx(0)


def test_fec_brings_most_lost_packets_back(with_fec: Listened) -> None:
    counts = with_fec.counts

    assert counts.lost == len(with_fec.lost) == counts.recovered + counts.concealed
    assert counts.recovered > counts.lost / 2


def test_fec_sounds_like_what_was_lost(with_fec: Listened, without_fec: Listened) -> None:
    assert with_fec.energy_ratio > 0.6
    assert with_fec.snr_in_gaps_db > 4
    assert with_fec.snr_in_gaps_db > without_fec.snr_in_gaps_db + 3


def test_concealment_keeps_the_gaps_filled_without_fec(without_fec: Listened) -> None:
    assert without_fec.counts.recovered == 0
    assert without_fec.counts.concealed == len(without_fec.lost)
    assert 0.4 < without_fec.energy_ratio < 1.3


def test_concealed_sound_is_nearer_to_the_lost_sound_than_silence(
    with_fec: Listened, without_fec: Listened, silence: Listened
) -> None:
    assert with_fec.spectral_distance_db < without_fec.spectral_distance_db
    assert without_fec.spectral_distance_db < silence.spectral_distance_db / 3


def test_g711_is_concealed_nearly_as_well_as_opus(narrow: Listened, silence: Listened) -> None:
    assert narrow.counts.concealed == len(narrow.lost)
    assert 0.4 < narrow.energy_ratio < 1.3
    assert narrow.spectral_distance_db < silence.spectral_distance_db / 3
