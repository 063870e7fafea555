"""RTP packets as a client sends them, and SRTP (RFC 3550, RFC 3711)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pylibsrtp import Error, Policy, Session

from whip_conformance.peer.dtls import SrtpKeys

HEADER_BYTES = 12
OPUS_SILENCE = b"\xf8\xff\xfe"
SAMPLES_PER_PACKET = 960
PACKET_TIME_S = 0.02


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """A packet without padding; CSRCs and header extensions are skipped when read."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    is_marked: bool = False

    def __bytes__(self) -> bytes:
        second = self.payload_type | (0x80 if self.is_marked else 0)
        header = (0x80, second, self.sequence, self.timestamp, self.ssrc)
        return struct.pack("!BBHII", *header) + self.payload


def read_packet(data: bytes) -> RtpPacket | None:
    """The packet, or None where the bytes are no RTP."""
    if len(data) < HEADER_BYTES or data[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
    start = HEADER_BYTES + 4 * (first & 0x0F)
    if first & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * struct.unpack_from("!H", data, start + 2)[0]
    if len(data) < start:
        return None
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[start:], bool(second & 0x80))


def is_rtcp(data: bytes) -> bool:
    """RTCP by the second byte (RFC 5761 section 4)."""
    return len(data) >= 2 and 192 <= data[1] <= 223


class Srtp:
    """Seals what we send, opens what we get."""

    def __init__(self, keys: SrtpKeys) -> None:
        self._sealing = Session(Policy(keys.ours, Policy.SSRC_ANY_OUTBOUND, 0, keys.profile))
        self._opening = Session(Policy(keys.theirs, Policy.SSRC_ANY_INBOUND, 0, keys.profile))

    def seal(self, packet: bytes) -> bytes:
        return self._sealing.protect(packet)

    def open(self, data: bytes) -> bytes | None:
        """The RTP or RTCP packet, or None where its seal is not of this session."""
        try:
            return self._opening.unprotect_rtcp(data) if is_rtcp(data) else self._open_rtp(data)
        except Error:
            return None

    def _open_rtp(self, data: bytes) -> bytes:
        return self._opening.unprotect(data)
