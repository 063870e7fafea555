"""Sound, packets of it, and what a decoder makes of them, for the tests of `transcode`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import numpy as np
from numpy.typing import NDArray

from voicemedia_server.rtp.header import build_packet
from voicemedia_server.sessions.offer import Codec
from voicemedia_server.transcode.decoder import Decoder
from voicemedia_server.transcode.encoder import Encoder, RtpStart
from voicemedia_server.transcode.pcm import Pcm, PcmFormat

OPUS = Codec(payload_type=111, name="opus", clock_hz=48_000, channels=2)
OPUS_FEC = Codec(111, "opus", 48_000, 2, "minptime=10;useinbandfec=1")
OPUS_STEREO = Codec(111, "opus", 48_000, 2, "stereo=1;useinbandfec=1")
PCMU = Codec(payload_type=0, name="pcmu", clock_hz=8_000)
PCMA = Codec(payload_type=8, name="pcma", clock_hz=8_000)
EVENTS = Codec(payload_type=110, name="telephone-event", clock_hz=48_000)
SPEAKER = 0x5EA4E201
WIDE = PcmFormat(48_000)
NARROW = PcmFormat(8_000)
START = RtpStart(ssrc=SPEAKER, sequence=65_500, timestamp=0xFFFF_0000)
"""Numbers and timestamps wrap soon."""

Samples = NDArray[np.float64]


def tone(seconds: float, *, rate_hz: int = 48_000, pitch_hz: float = 200.0) -> Samples:
    """A steady sine at a third of full scale."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.asarray(11_000 * np.sin(2 * np.pi * pitch_hz * time_s))


def speech(seconds: float, *, rate_hz: int = 48_000) -> Samples:
    """Like speech: a voice of 95 to 145 Hz with moving formants, in syllables, with some breath."""
    random = np.random.default_rng(1)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    pitch_hz = 120 + 25 * np.sin(4.4 * time_s)
    cycles = np.cumsum(pitch_hz) / rate_hz
    first_hz = 500 + 200 * np.sin(6.9 * time_s)
    second_hz = 1500 + 500 * np.sin(5.7 * time_s + 1)
    voice = np.zeros(len(time_s))
    for harmonic in range(1, 24):
        hz = harmonic * pitch_hz
        strength = np.exp(-(((hz - first_hz) / 120) ** 2))
        strength += 0.5 * np.exp(-(((hz - second_hz) / 180) ** 2)) + 0.02
        voice += strength * np.sin(2 * np.pi * harmonic * cycles)
    voice *= 0.55 + 0.45 * np.sin(15.7 * time_s)
    voice += 0.003 * random.standard_normal(len(time_s))
    return np.asarray(12_000 * voice / np.abs(voice).max())


def stretches(samples: Samples, form: PcmFormat, *, ms: int = 20) -> Iterable[Pcm]:
    """The sound in pieces of `ms`; mono samples are given to every channel."""
    data = np.repeat(samples.astype("<i2"), form.channels)
    step = form.rate_hz * ms // 1000
    for first in range(0, len(samples) - step + 1, step):
        part = data[first * form.channels : (first + step) * form.channels]
        yield Pcm(part.tobytes(), form, first)


def packets(samples: Samples, codec: Codec, form: PcmFormat = WIDE) -> list[bytes]:
    """RTP packets of 20 ms, as a client would send them."""
    encoder = Encoder(codec, form, START)
    return [packet for pcm in stretches(samples, form) for packet in encoder.take(pcm)]


def a_packet(
    payload: bytes,
    *,
    sequence: int = 100,
    timestamp: int = 1000,
    ssrc: int = SPEAKER,
    payload_type: int = 111,
) -> bytes:
    """One RTP packet."""
    return build_packet(
        payload,
        payload_type=payload_type,
        sequence=sequence & 0xFFFF,
        timestamp=timestamp & 0xFFFFFFFF,
        ssrc=ssrc,
    )


@dataclass(frozen=True, slots=True)
class Heard:
    """All that a decoder made, laid out in time."""

    samples: Samples
    pieces: list[Pcm]

    @property
    def pauses(self) -> list[tuple[int, int]]:
        """Where nothing was made: first and last position of each hole."""
        ends = [(one.end, two.position) for one, two in pairwise(self.pieces)]
        return [(end, begin) for end, begin in ends if begin > end]


def hear(
    decoder: Decoder, arriving: Iterable[bytes], *, lost: Collection[int] = frozenset()
) -> Heard:
    """Gives the packets to the decoder, but for the lost ones (by place), and listens."""
    pieces: list[Pcm] = []
    for place, packet in enumerate(arriving):
        if place not in lost:
            pieces += decoder.take(packet)
    pieces += decoder.flush()
    samples = np.zeros(pieces[-1].end if pieces else 0)
    for pcm in pieces:
        samples[pcm.position : pcm.end] = mono(pcm)
    return Heard(samples, pieces)


def mono(pcm: Pcm) -> Samples:
    """Its samples, the mean of all channels."""
    blocks = np.frombuffer(pcm.data, "<i2").reshape(-1, pcm.format.channels)
    return np.asarray(blocks.mean(axis=1))


def ten_percent(count: int) -> frozenset[int]:
    """Which of so many packets are lost: every tenth on average, not the first nor the last."""
    random = Random(5)
    return frozenset(place for place in range(10, count - 10) if random.random() < 0.1)


def strength(samples: Samples) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0


def likeness(one: Samples, other: Samples) -> float:
    """Correlation of two stretches of equal length, 1 for the same."""
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-9))
