"""How long a client takes to play what it is sent, measured by Twilio's marks. Pure.

A mark goes behind a frame, and comes back when the client has played that frame. One is under
way at a time, so that a client that never answers is told of one only. A mark also comes back when
what it stands behind was cleared; then nothing was played, and nothing is measured.
"""

from __future__ import annotations


class PlayoutMarks:
    """`interval_ns` between two marks, and before the first; 0 for none."""

    __slots__ = ("_count", "_due_ns", "_interval_ns", "_is_cleared", "_sent_ns")

    def __init__(self, interval_ns: int) -> None:
        self._interval_ns = interval_ns
        self._due_ns: int | None = None
        self._sent_ns: int | None = None
        self._is_cleared = False
        self._count = 0

    def behind_frame(self, now_ns: int) -> str | None:
        """The name of the mark that goes behind a frame that is sent now, if one is due."""
        if not self._interval_ns:
            return None
        if self._due_ns is None:
            self._due_ns = now_ns + self._interval_ns
        if self._sent_ns is not None or now_ns < self._due_ns:
            return None
        self._sent_ns = now_ns
        self._is_cleared = False
        self._count += 1
        return self._name

    @property
    def _name(self) -> str:
        return f"playout-{self._count}"

    def clear(self) -> None:
        """What was sent so far will not be played."""
        self._is_cleared = True

    def returned(self, name: str, now_ns: int) -> float | None:
        """Seconds from the frame's sending to its end at the client, or `None` for a name that
        is not under way, and for a frame that was cleared."""
        if self._sent_ns is None or name != self._name:
            return None
        played_s = (now_ns - self._sent_ns) / 1e9
        self._sent_ns = None
        self._due_ns = now_ns + self._interval_ns
        return None if self._is_cleared else played_s
