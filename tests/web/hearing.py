"""What the page plays, and how alike it is to the file that its microphone hears."""

from __future__ import annotations

import itertools
import wave
from pathlib import Path

import numpy as np

from interop.server_process import ServerProcess, until
from interop.sound import FRAME_S, RATE_HZ, Samples, envelope, find_delay
from web.conftest import MICROPHONE
from web.front_end import FrontEnd

METER_S = 0.1
STRETCH_S = 2.0
LOUD_DB = -30.0
FLOOR_DB = -60.0
SILENT_RATIO = 0.02


async def start_and_hear(front_end: FrontEnd, server: ServerProcess, path: str = "") -> None:
    """A call in which the echo is heard."""
    await front_end.open(server.base_url + path)
    await front_end.switch_processing_off()
    await front_end.start()
    await wait_for_echo(front_end)


def read_wav(path: Path) -> Samples:
    """16 bits, mono."""
    with wave.open(str(path)) as file:
        return np.asarray(np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768)


def shown_db(rows: list[list[float]], column: int) -> tuple[Samples, Samples]:
    """When a meter showed something new, in seconds from the first time, and what."""
    table = np.array(rows)
    is_new = np.flatnonzero(np.diff(table[:, column])) + 1
    return table[is_new, 0] - table[is_new[0], 0], table[is_new, column]


def file_db() -> Samples:
    """What a meter shows of the file, in frames of 10 ms: its loudest frame of the last 100 ms.

    Twice on end, since the browser plays it round and round.
    """
    frames = np.tile(envelope(read_wav(MICROPHONE)), 2)
    window = int(METER_S / FRAME_S)
    loudest = np.lib.stride_tricks.sliding_window_view(frames, window).max(axis=1)
    return np.asarray(np.maximum(20 * np.log10(loudest + 1e-9), FLOOR_DB))


def best_correlation(shown: tuple[Samples, Samples], played: Samples) -> float:
    """The median of stretches, each looked for by itself in the file, by trying all places.

    On a busy machine the jitter buffer plays now faster, now slower, so the whole has no one place.
    """
    times, decibels = shown
    stretches = [
        (times >= begin_s) & (times < begin_s + STRETCH_S)
        for begin_s in np.arange(0, times[-1] - STRETCH_S, STRETCH_S / 2)
    ]
    return float(np.median([_best_place(times[s], decibels[s], played) for s in stretches]))


def _best_place(times: Samples, decibels: Samples, played: Samples) -> float:
    frames = np.round((times - times[0]) / FRAME_S).astype(int)
    places = range(len(played) - int(frames[-1]))
    return max(float(np.corrcoef(decibels, played[place + frames])[0, 1]) for place in places)


def second_by_second(played: Samples) -> list[float]:
    """The likeness of each whole second of what was played."""
    file = np.tile(read_wav(MICROPHONE), 2)
    starts = range(0, len(played) - RATE_HZ, RATE_HZ)
    return [likeness(played[start : start + RATE_HZ], file) for start in starts]


def likeness(played: Samples, file: Samples) -> float:
    """How alike the envelopes are of a second that was played and of its place in the file.

    Each second is looked for by itself: the jitter buffer plays a little faster or slower.
    """
    place = find_delay(played, file, max_delay_s=20)
    said = file[place : place + len(played)]
    return float(np.corrcoef(envelope(said), envelope(played))[0, 1])


async def wait_for_echo(front_end: FrontEnd, timeout_s: float = 10) -> None:
    """Until the echo is loud."""

    async def is_heard() -> bool:
        return await front_end.echo_db() > LOUD_DB

    await until(is_heard, timeout_s, "the echo")


async def wait_for_line(front_end: FrontEnd, text: str, timeout_s: float = 15) -> None:
    """Until a line of the call log holds the text."""

    async def is_logged() -> bool:
        return any(text in line for line in await front_end.log_lines())

    await until(is_logged, timeout_s, f"the log to say: {text}")


def longest_silence_s(samples: Samples) -> float:
    """The longest time without sound; the file has pauses of its own."""
    loudness = envelope(samples)
    is_silent = loudness < SILENT_RATIO * loudness.max()
    runs = [len(list(run)) for silent, run in itertools.groupby(is_silent) if silent]
    return FRAME_S * max(runs, default=0)
