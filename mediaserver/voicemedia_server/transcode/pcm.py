"""Sound as numbers: signed 16-bit samples, channels interleaved. Pure.

Bytes are in the machine's own order, as libopus and FFmpeg have them.
"""

from __future__ import annotations

from dataclasses import dataclass

RATES_HZ = (8000, 16000, 24000, 48000)
"""What we decode to; libopus makes each of them itself, without a resampler."""


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """Samples a second in each channel, and how many channels: 1 or 2."""

    rate_hz: int
    channels: int = 1

    @property
    def block_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return 2 * self.channels

    @property
    def layout(self) -> str:
        """What FFmpeg calls this number of channels."""
        return "mono" if self.channels == 1 else "stereo"


@dataclass(frozen=True, slots=True)
class Pcm:
    """A stretch of sound.

    `position` is where it begins, in samples of `format.rate_hz` since the stream began: it never
    falls, and where it is ahead of the end of the stretch before, the source paused.
    """

    data: bytes
    format: PcmFormat
    position: int

    @property
    def length(self) -> int:
        """Samples in each channel."""
        return len(self.data) // self.format.block_bytes

    @property
    def end(self) -> int:
        """The position behind its last sample."""
        return self.position + self.length
