"""What a datagram is, by its first two bytes (RFC 7983 section 7, RFC 5761 section 4)."""

from __future__ import annotations

import enum


class PacketKind(enum.IntEnum):
    """What may share one port in WebRTC."""

    UNKNOWN = 0
    STUN = 1
    DTLS = 2
    RTP = 3
    RTCP = 4
    TURN_CHANNEL = 5


FIRST_BYTES = {
    PacketKind.STUN: range(0, 4),
    PacketKind.DTLS: range(20, 64),
    PacketKind.TURN_CHANNEL: range(64, 80),
    PacketKind.RTP: range(128, 192),
}
RTCP_SECOND_BYTES = range(192, 224)

SHORTEST_BYTES = {
    PacketKind.STUN: 20,  # the header (RFC 8489 section 5)
    PacketKind.DTLS: 13,  # a record's header (RFC 6347 section 4.1)
    PacketKind.RTP: 12,
    PacketKind.RTCP: 8,  # the header and an SSRC, which SRTCP needs (RFC 3711 section 3.4)
    PacketKind.TURN_CHANNEL: 4,
    PacketKind.UNKNOWN: 0,
}

_UNKNOWN, _RTP, _RTCP = PacketKind.UNKNOWN, PacketKind.RTP, PacketKind.RTCP
_BY_FIRST_BYTE = tuple(
    next((kind for kind, first_bytes in FIRST_BYTES.items() if first in first_bytes), _UNKNOWN)
    for first in range(256)
)
_SHORTEST = tuple(SHORTEST_BYTES[kind] for kind in PacketKind)


def classify(packet: bytes | bytearray | memoryview) -> PacketKind:
    """Tells the kinds apart. What is too short to be of its kind is UNKNOWN."""
    size = len(packet)
    if size < 4:
        return _UNKNOWN
    kind = _BY_FIRST_BYTE[packet[0]]
    if kind is _RTP and 192 <= packet[1] <= 223:
        kind = _RTCP
    return kind if size >= _SHORTEST[kind] else _UNKNOWN
