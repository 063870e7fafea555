"""Concealment for codecs that have none of their own: the last pitch period goes on and fades.

What G.711 needs (after the idea of ITU-T G.711 Appendix I), on mono sound of 8 kHz. Pure.
"""

from __future__ import annotations

from array import array
from operator import mul

RATE_HZ = 8000
SHORTEST_PERIOD = 40  # samples: 200 Hz, which 400 Hz and 600 Hz fit as well
LONGEST_PERIOD = 120  # 66 Hz
COMPARED = 160  # 20 ms
HISTORY = COMPARED + LONGEST_PERIOD + 2
STEADY = 80  # 10 ms at full strength, then it fades
FADED = 480  # silent after 60 ms
OVERLAP = 24  # 3 ms from the invented to the real sound
SILENCE = b"\0\0"


class Waveform:
    """The last sound of one stream, and how it might have gone on."""

    __slots__ = ("_concealed", "_period", "_recent")

    def __init__(self) -> None:
        self._recent = array("h")
        self._period = array("h")
        self._concealed = 0

    def heard(self, data: bytes) -> bytes:
        """Remembers real sound; returns it, after a gap faded in from what was invented."""
        samples = array("h", data)
        if self._concealed:
            expected = array("h", self._continue(min(OVERLAP, len(samples))))
            for i, invented in enumerate(expected):
                samples[i] = (samples[i] * i + invented * (OVERLAP - i)) // OVERLAP
            self._concealed = 0
        self._recent = (self._recent + samples)[-HISTORY:]
        return samples.tobytes()

    def conceal(self, samples: int) -> bytes:
        """Sound for `samples` that never came."""
        if self._concealed == 0:
            self._period = self._last_period()
        return self._continue(samples)

    def _continue(self, samples: int) -> bytes:
        if not self._period:
            self._concealed += samples
            return SILENCE * samples
        period, made = self._period, array("h")
        for at in range(self._concealed, self._concealed + samples):
            strength = min(1.0, max(0.0, (FADED - at) / (FADED - STEADY)))
            made.append(int(period[at % len(period)] * strength))
        self._concealed += samples
        return made.tobytes()

    def _last_period(self) -> array[int]:
        """The end of what was heard, as long as the pitch period that fits it best.

        Looked for at half the rate, then to the sample.
        """
        recent = self._recent
        if len(recent) < HISTORY:
            return array("h")
        coarse = recent[::2]
        periods = range(SHORTEST_PERIOD // 2, LONGEST_PERIOD // 2 + 1)
        near = 2 * max(periods, key=lambda period: likeness(coarse, COMPARED // 2, period))
        around = (near - 1, near, near + 1)
        return recent[-max(around, key=lambda period: likeness(recent, COMPARED, period)) :]


def likeness(samples: array[int], compared: int, period: int) -> float:
    """How much the last `compared` samples are like those one `period` before them."""
    now, before = samples[-compared:], samples[-compared - period : -period]
    return float(sum(map(mul, now, before)) / (sum(map(mul, before, before)) + 1) ** 0.5)
