"""Notices loops that no longer complete. Pure: times are arguments, in monotonic seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pulse:
    """Of all loops of a process. One that completes too seldom is stuck."""

    stuck_s: float
    _beats: dict[str, float] = field(default_factory=dict)

    def beat(self, loop: str, now_s: float) -> None:
        """It began, or completed once more, well or not."""
        self._beats[loop] = now_s

    def end(self, loop: str) -> None:
        """It is over: nothing more is expected of it."""
        self._beats.pop(loop, None)

    def stuck(self, now_s: float) -> Iterator[str]:
        """Loops that did not complete for too long."""
        for loop, beat_s in sorted(self._beats.items()):
            if now_s - beat_s > self.stuck_s:
                yield loop

    @property
    def count(self) -> int:
        """Loops that are watched."""
        return len(self._beats)
