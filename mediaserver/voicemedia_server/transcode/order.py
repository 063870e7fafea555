"""Packets in the order of their numbers, at the price of a short wait. Pure."""

from __future__ import annotations

from typing import Generic, TypeVar

from voicemedia_server.rtp.sequence import unwrap

Held = TypeVar("Held")

WINDOW_PACKETS = 3
"""A missing packet is given up when this many newer ones have come (as RFC 9002 6.1.1 does)."""
MAX_STALE_IN_ROW = 8
"""So many old numbers, one after the other: the source began to count anew."""


class ReorderWindow(Generic[Held]):
    """Holds packets back while an older one is missing, `window_packets` - 1 at most.

    Read-only for others: `late` (came after they were given up) and `duplicated`.
    """

    __slots__ = ("_held", "_next", "_stale_in_row", "_window_packets", "duplicated", "late")

    def __init__(self, window_packets: int = WINDOW_PACKETS) -> None:
        self._window_packets = window_packets
        self._held: dict[int, Held] = {}
        self._next: int | None = None
        self._stale_in_row = 0
        self.late = 0
        self.duplicated = 0

    def begin(self) -> None:
        """Forgets the stream: the next packet is the first of another one."""
        self._held.clear()
        self._next = None
        self._stale_in_row = 0

    @property
    def is_holding(self) -> bool:
        """Something waits for an older packet."""
        return bool(self._held)

    def put(self, sequence: int, packet: Held) -> list[tuple[int, Held]]:
        """Takes a packet; returns those whose turn it is, with their extended numbers."""
        if self._next is None:
            self._next = sequence
        before: list[tuple[int, Held]] = []
        number = unwrap(self._next, sequence)
        if number < self._next:
            self._stale_in_row += 1
            if self._stale_in_row < MAX_STALE_IN_ROW:
                self.late += 1
                return []
            before = self.flush()
            self._next = number = (self._next | 0xFFFF) + 1 + sequence  # a cycle on: they grow
        elif number in self._held:
            self.duplicated += 1
            return []
        self._stale_in_row = 0
        self._held[number] = packet
        return before + self._release(self._window_packets)

    def flush(self) -> list[tuple[int, Held]]:
        """All that is held, in order: what is missing between is given up."""
        return self._release(1)

    def _release(self, enough_packets: int) -> list[tuple[int, Held]]:
        ready: list[tuple[int, Held]] = []
        while self._held:
            if self._next not in self._held:
                if len(self._held) < enough_packets:
                    break
                self._next = min(self._held)
            ready.append((self._next, self._held.pop(self._next)))
            self._next += 1
        return ready
