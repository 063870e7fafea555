"""The last packets that were sent, to answer NACK with (RFC 4585 section 6.2.1). Bounded."""

from __future__ import annotations

MAX_RESENDS = 3
"""How often one packet is sent again: more would make NACK an amplifier."""


class SentHistory:
    """A ring of sealed packets by sequence number."""

    __slots__ = ("_capacity", "_packets", "_resent", "_sequences", "refused", "resent")

    def __init__(self, capacity_packets: int) -> None:
        self._capacity = capacity_packets
        self._packets: list[bytes] = [b""] * capacity_packets
        self._sequences = [-1] * capacity_packets
        self._resent = [0] * capacity_packets
        self.resent = 0
        self.refused = 0

    def store(self, sequence: int, packet: bytes) -> None:
        """Keeps a packet in the place of the one that was sent `capacity_packets` before it."""
        place = sequence % self._capacity
        self._packets[place] = packet
        self._sequences[place] = sequence
        self._resent[place] = 0

    def find(self, sequence: int) -> bytes | None:
        """The packet, or None: never sent, overwritten, or asked for too often."""
        place = sequence % self._capacity
        if self._sequences[place] != sequence or self._resent[place] >= MAX_RESENDS:
            self.refused += 1
            return None
        self._resent[place] += 1
        self.resent += 1
        return self._packets[place]
