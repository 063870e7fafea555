"""The last packets that were sent, to answer NACK with (RFC 4585 section 6.2.1). Bounded.

`store` runs for every packet that is sent; what `find` needs to know is kept by `find`.
"""

from __future__ import annotations

MAX_RESENDS = 3
"""How often one packet is sent again: more would make NACK an amplifier."""
MAX_CAPACITY_PACKETS = 0x8000


class SentHistory:
    """A ring of sealed packets by sequence number.

    Read-only for others: `resent`, `refused` (asked for more often than `MAX_RESENDS`) and
    `missing` (never sent, or overwritten).
    """

    __slots__ = ("_mask", "_packets", "_resends", "_sequences", "missing", "refused", "resent")

    def __init__(self, capacity_packets: int) -> None:
        """Keeps at least `capacity_packets` (1 to 32768): rounded up to a power of two, so that
        the ring goes on where the sequence numbers wrap. Raises ValueError."""
        if not 1 <= capacity_packets <= MAX_CAPACITY_PACKETS:
            raise ValueError(
                f"a capacity of {capacity_packets} is not in 1..{MAX_CAPACITY_PACKETS}"
            )
        places = 1 << (capacity_packets - 1).bit_length()
        self._mask = places - 1
        self._packets: list[bytes] = [b""] * places
        self._sequences = [-1] * places
        self._resends: dict[int, tuple[int, int]] = {}  # place: sequence number, how often
        self.resent = 0
        self.refused = 0
        self.missing = 0

    def store(self, sequence: int, packet: bytes) -> None:
        """Keeps a packet in the place of the one that was sent a whole ring before it."""
        place = sequence & self._mask
        self._packets[place] = packet
        self._sequences[place] = sequence

    def find(self, sequence: int) -> bytes | None:
        """The packet, counted as sent again, or None."""
        place = sequence & self._mask
        if self._sequences[place] != sequence:
            self.missing += 1
            return None
        of, times = self._resends.get(place, (-1, 0))
        if of != sequence:
            times = 0
        if times >= MAX_RESENDS:
            self.refused += 1
            return None
        self._resends[place] = sequence, times + 1
        self.resent += 1
        return self._packets[place]
