"""What one speaker sends: which payload types are let through, and how well they arrive."""

from __future__ import annotations

from collections.abc import Iterable

from voicemedia_server.rtp.reception import Reception
from voicemedia_server.sessions.offer import Codec

MAX_SOURCES = 32
"""How many SSRCs a speaker may use over time; each costs memory in SRTP."""


class Publication:
    """A speaker's audio. `reception` belongs to the source that is heard now.

    The packet path reads `ssrc` and `clock_hz_by_payload_type` directly.
    """

    __slots__ = (
        "bytes_received",
        "clock_hz_by_payload_type",
        "dropped_payload_types",
        "has_said_bye",
        "packets_lost_before",
        "packets_out_of_order_before",
        "packets_received_before",
        "reception",
        "sources",
        "ssrc",
    )

    def __init__(
        self, codecs: Iterable[Codec] = (), dropped_payload_types: Iterable[int] = ()
    ) -> None:
        self.clock_hz_by_payload_type = {c.payload_type: c.clock_hz for c in codecs}
        self.dropped_payload_types = frozenset(dropped_payload_types)
        self.reception: Reception | None = None
        self.ssrc = -1
        self.sources: set[int] = set()
        self.bytes_received = 0
        self.has_said_bye = False
        self.packets_received_before = 0
        self.packets_lost_before = 0
        self.packets_out_of_order_before = 0

    def admits_source(self, ssrc: int) -> bool:
        """Whether this SSRC is known or may still be added."""
        if ssrc in self.sources:
            return True
        if len(self.sources) >= MAX_SOURCES:
            return False
        self.sources.add(ssrc)
        return True

    def switch_source(self, ssrc: int, clock_hz: int) -> Reception:
        """Starts to count a new source; what the old one counted is kept in the totals."""
        old = self.reception
        if old is not None:
            self.packets_received_before += old.received
            self.packets_lost_before += max(0, old.lost)
            self.packets_out_of_order_before += old.out_of_order
        self.ssrc = ssrc
        self.has_said_bye = False
        self.reception = Reception(ssrc, clock_hz)
        return self.reception

    @property
    def packets_received(self) -> int:
        """Over all sources."""
        now = self.reception.received if self.reception is not None else 0
        return self.packets_received_before + now

    @property
    def packets_lost(self) -> int:
        """Over all sources, never below zero."""
        now = max(0, self.reception.lost) if self.reception is not None else 0
        return self.packets_lost_before + now

    @property
    def packets_out_of_order(self) -> int:
        """Over all sources."""
        now = self.reception.out_of_order if self.reception is not None else 0
        return self.packets_out_of_order_before + now
