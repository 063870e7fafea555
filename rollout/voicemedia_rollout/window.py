"""What one server counted of late: sums in steps of a few seconds, the old ones forgotten. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from voicemedia_rollout.analysis import MAX_WINDOW_S
from voicemedia_rollout.document import Variant
from voicemedia_rollout.figures import Figures, Report

STEP_S = 5.0


@dataclass(slots=True)
class _Step:
    start_s: float
    sums: dict[tuple[int, Variant], Figures] = field(default_factory=dict)


class Window:
    """`now_s` never goes back: monotonic seconds."""

    def __init__(self) -> None:
        self._steps: deque[_Step] = deque()

    def add(self, revision: int, variant: Variant, figures: Figures, now_s: float) -> None:
        """Counts figures of a session that was decided on under this revision."""
        if not self._steps or now_s >= self._steps[-1].start_s + STEP_S:
            self._steps.append(_Step(now_s))
            while self._steps[0].start_s < now_s - MAX_WINDOW_S - STEP_S:
                self._steps.popleft()
        sums = self._steps[-1].sums
        sums[revision, variant] = sums.get((revision, variant), Figures()) + figures

    def report(self, revision: int, window_s: float, now_s: float) -> Report:
        """Of the last `window_s`, up to a step more."""
        total = Report(revision)
        for step in reversed(self._steps):
            if step.start_s + STEP_S <= now_s - window_s:
                break
            found = {v: step.sums.get((revision, v), Figures()) for v in Variant}
            total += Report(revision, found)
        return total
