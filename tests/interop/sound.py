"""Makes known sound and judges recorded sound: delay, envelope, spectrum, gaps. Pure."""

from __future__ import annotations

import itertools
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
FRAME_S = 0.01
BANDS_HZ = (100, 200, 400, 800, 1600, 3200, 6400)
LOUD_RATIO = 0.2
SILENT_RATIO = 0.02

Samples = NDArray[np.float64]


def speech_like(seconds: float, seed: int = 7) -> Samples:
    """Noise in the band of speech, in syllables of random length, pitch and loudness.

    Nothing in it repeats, so that a delay found by correlation is unambiguous.
    """
    random = np.random.default_rng(seed)
    pieces: list[Samples] = []
    while sum(map(len, pieces)) < seconds * RATE_HZ:
        length = int(random.uniform(0.08, 0.3) * RATE_HZ)
        time_s = np.arange(length) / RATE_HZ
        pitch_hz = random.uniform(110, 320) * (1 + 0.3 * random.uniform(-1, 1) * time_s / 0.3)
        voice = sum(
            random.uniform(0.2, 1) / n * np.sin(2 * np.pi * n * np.cumsum(pitch_hz) / RATE_HZ)
            for n in range(1, 24)
        )
        breath = 0.3 * random.standard_normal(length)
        shape = np.sin(np.pi * np.arange(length) / length) ** 0.7
        pieces.append(random.uniform(0.3, 1) * shape * (np.asarray(voice) + breath))
        pieces.append(np.zeros(int(random.uniform(0.01, 0.08) * RATE_HZ)))
    samples = np.concatenate(pieces)[: int(seconds * RATE_HZ)]
    return np.asarray(0.6 * samples / np.abs(samples).max())


def write_wav(path: Path, samples: Samples) -> None:
    """16 bits, mono, 48 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


@dataclass(frozen=True, slots=True)
class Comparison:
    """How `heard` differs from `said`. `spectrum_error_db` is the mean over octave bands."""

    delay_s: float
    envelope_correlation: float
    spectrum_error_db: float
    gap_s: float


def compare(said: Samples, heard: Samples, max_delay_s: float = 0.5) -> Comparison:
    """Finds the delay and judges the rest with it taken out."""
    delay = find_delay(said, heard, max_delay_s)
    length = min(len(said), len(heard) - delay)
    said, heard = said[:length], heard[delay : delay + length]
    loud_said, loud_heard = envelope(said), envelope(heard)
    return Comparison(
        delay_s=delay / RATE_HZ,
        envelope_correlation=float(np.corrcoef(loud_said, loud_heard)[0, 1]),
        spectrum_error_db=spectrum_error_db(said, heard),
        gap_s=gap_s(loud_said, loud_heard),
    )


def find_delay(said: Samples, heard: Samples, max_delay_s: float) -> int:
    """Samples by which `heard` lags, by the peak of the cross-correlation."""
    size = 1 << (len(said) + len(heard)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size))
    correlation = np.fft.irfft(spectrum, size)[: int(max_delay_s * RATE_HZ)]
    return int(np.argmax(np.abs(correlation)))


def envelope(samples: Samples) -> Samples:
    """Root mean square of each frame of 10 ms."""
    frame = int(FRAME_S * RATE_HZ)
    whole = samples[: len(samples) // frame * frame].reshape(-1, frame)
    return np.asarray(np.sqrt((whole**2).mean(axis=1)))


def spectrum_error_db(said: Samples, heard: Samples) -> float:
    """Mean difference of the long-term spectrum over octave bands, overall level taken out."""
    frequencies = np.fft.rfftfreq(len(said), 1 / RATE_HZ)
    levels = []
    for samples in (said, heard):
        power = np.abs(np.fft.rfft(samples)) ** 2
        bands = [
            power[(frequencies >= low) & (frequencies < high)].sum()
            for low, high in itertools.pairwise(BANDS_HZ)
        ]
        decibels = 10 * np.log10(np.asarray(bands) + 1e-12)
        levels.append(decibels - decibels.mean())
    return float(np.abs(levels[0] - levels[1]).mean())


def gap_s(loud_said: Samples, loud_heard: Samples) -> float:
    """Seconds in which something was said and nothing was heard, by envelopes.

    A frame counts when its neighbours were loud too, so that edges of syllables do not.
    """
    is_loud = loud_said > LOUD_RATIO * loud_said.max()
    is_inside = is_loud & np.roll(is_loud, 1) & np.roll(is_loud, -1)
    is_silent = loud_heard < SILENT_RATIO * loud_heard.max()
    return float((is_inside & is_silent).sum() * FRAME_S)
