"""How one listener gets a publication: own SSRC, own sequence numbers, everything else as it came.

Sequence numbers keep their distances, so that a packet lost on the way to us is a gap for the
listener too, and its own concealment works. Timestamps and markers are kept; only when the
speaker changes its source are both shifted, so that the listener hears one continuous stream
(as RFC 7667 section 3.7 asks of a switching forwarder).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from voicemedia_server.rtp.history import SentHistory

FIELDS = struct.Struct("!BHII")  # marker and payload type, sequence number, timestamp, SSRC
HISTORY_PACKETS = 64
NS_PER_S = 1_000_000_000


class Subscription:
    """One listener's view of one publication.

    `*_offset` are added modulo 2**16 and 2**32. `remote_*` is what the listener reported.
    """

    __slots__ = (
        "bytes_sent",
        "clock_hz",
        "cname",
        "history",
        "last_sent_ns",
        "last_sequence",
        "last_timestamp",
        "nacks_received",
        "packets_resent",
        "packets_sent",
        "payload_types",
        "remote_cumulative_lost",
        "remote_fraction_lost",
        "remote_jitter_units",
        "round_trip_s",
        "sequence_offset",
        "source_ssrc",
        "ssrc",
        "timestamp_offset",
    )

    def __init__(
        self,
        ssrc: int,
        cname: str,
        first_sequence: int,
        payload_types: Mapping[int, int],
        *,
        answers_nack: bool,
    ) -> None:
        self.ssrc = ssrc
        self.cname = cname
        self.payload_types = dict(payload_types)
        self.history = SentHistory(HISTORY_PACKETS) if answers_nack else None
        self.source_ssrc = -1
        self.sequence_offset = 0
        self.timestamp_offset = 0
        self.last_sequence = (first_sequence - 1) & 0xFFFF
        self.last_timestamp = 0
        self.last_sent_ns = 0
        self.clock_hz = 0
        self.packets_sent = 0
        self.packets_resent = 0
        self.bytes_sent = 0
        self.nacks_received = 0
        self.remote_cumulative_lost: int | None = None
        self.remote_fraction_lost: float | None = None
        self.remote_jitter_units: int | None = None
        self.round_trip_s: float | None = None

    def switch_source(
        self, source_ssrc: int, sequence: int, timestamp: int, clock_hz: int, now_ns: int
    ) -> None:
        """Makes the packet with this sequence number follow the last one that was sent."""
        self.sequence_offset = (self.last_sequence + 1 - sequence) & 0xFFFF
        if self.source_ssrc == -1:
            self.timestamp_offset = 0
        else:
            elapsed_units = (now_ns - self.last_sent_ns) * clock_hz // NS_PER_S
            expected = self.last_timestamp + max(1, elapsed_units)
            self.timestamp_offset = (expected - timestamp) & 0xFFFFFFFF
        self.source_ssrc = source_ssrc
        self.clock_hz = clock_hz

    def note_reception(
        self, round_trip_s: float | None, packets_lost: int | None, jitter_s: float | None
    ) -> None:
        """What a listener without RTCP reported; `None` leaves what was known."""
        if round_trip_s is not None:
            self.round_trip_s = round_trip_s
        if packets_lost is not None:
            self.remote_cumulative_lost = packets_lost
        if jitter_s is not None and self.clock_hz:
            self.remote_jitter_units = round(jitter_s * self.clock_hz)

    def rewrite(
        self, packet: Any, second_byte: int, sequence: int, timestamp: int, now_ns: int
    ) -> int:
        """Writes our header fields into `packet`, in place. Returns the sequence number sent."""
        sequence = (sequence + self.sequence_offset) & 0xFFFF
        if self.timestamp_offset:
            timestamp = (timestamp + self.timestamp_offset) & 0xFFFFFFFF
        if self.payload_types:
            payload_type = second_byte & 0x7F
            second_byte = second_byte & 0x80 | self.payload_types.get(payload_type, payload_type)
        FIELDS.pack_into(packet, 1, second_byte, sequence, timestamp, self.ssrc)
        if (sequence - self.last_sequence) & 0x8000 == 0:  # a late packet is not the last one
            self.last_sequence = sequence
            self.last_timestamp = timestamp
            self.last_sent_ns = now_ns
        return sequence
