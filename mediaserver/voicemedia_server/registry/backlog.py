"""Entries of the audit that the directory was not told yet: bounded, the oldest are dropped."""

from __future__ import annotations

from collections import deque
from itertools import islice


class Backlog:
    """In the order in which things happened. `dropped`: how many had no place since the start."""

    def __init__(self, capacity_entries: int = 1000) -> None:
        self._capacity_entries = capacity_entries
        self._entries: deque[str] = deque()
        self._first = 0
        self.dropped = 0

    def put(self, entry: str) -> None:
        """Adds one; drops the oldest and counts it when full."""
        if len(self._entries) >= self._capacity_entries:
            self._take_first()
            self.dropped += 1
        self._entries.append(entry)

    def next(self, limit: int) -> tuple[list[str], int]:
        """The oldest entries, and what to say to `told` once they are."""
        batch = list(islice(self._entries, limit))
        return batch, self._first + len(batch)

    def told(self, upto: int) -> None:
        """Those before `upto` are known to the directory; some may have been dropped meanwhile."""
        while self._first < upto:
            self._take_first()

    def _take_first(self) -> None:
        self._entries.popleft()
        self._first += 1
