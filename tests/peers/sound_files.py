"""What a peer says and what it heard, as WAV files of a phone line: 16 bits, mono, 8 kHz."""

from __future__ import annotations

import wave
from pathlib import Path

RATE_HZ = 8000
FRAME_BYTES = 320
FRAME_S = 0.02


def read_frames(path: Path) -> list[bytes]:
    """The sound in whole frames of 20 ms."""
    with wave.open(str(path), "rb") as file:
        pcm = file.readframes(file.getnframes())
    whole = len(pcm) // FRAME_BYTES * FRAME_BYTES
    return [pcm[start : start + FRAME_BYTES] for start in range(0, whole, FRAME_BYTES)]


def write_frames(path: Path, pcm: bytes) -> None:
    """Writes what was heard."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(pcm)
