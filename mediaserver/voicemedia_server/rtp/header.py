"""RTP packets, read and written: the fixed header, CSRCs and header extensions.

RFC 3550 section 5 and its validity checks (appendix A.1), RFC 8285 for what an extension holds.
The packet path reads the twelve fixed bytes by itself, after SRTP has vouched for them; this is
for taps, inlets and everything that takes a packet from a stranger.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

FIXED = struct.Struct("!BBHII")
EXTENSION = struct.Struct("!HH")  # profile, length in words
FIXED_BYTES = 12
ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILE = 0x1000  # the last four bits belong to the application (RFC 8285 4.3)
STOP_ID = 15
"""In the one-byte form: nothing behind this element is read (RFC 8285 section 4.2)."""

Packet = bytes | bytearray | memoryview


class RtpMalformed(ValueError):
    """The bytes are no RTP packet. `reason` says why, without quoting them."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"no RTP packet: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RtpHeader:
    """What stands before the payload.

    `length` counts the bytes before the payload (fixed header, CSRCs and extension),
    `padding_bytes` those behind it, the count byte included.
    """

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    length: int
    has_extension: bool
    padding_bytes: int


def parse_header(packet: Packet) -> RtpHeader:
    """Reads the header and checks all that RFC 3550 appendix A.1 can check in one packet.

    Raises `RtpMalformed`. An RTCP packet is one too (second byte 192 to 223, RFC 5761).
    """
    start, end = payload_bounds(packet)
    first, second, sequence, timestamp, ssrc = FIXED.unpack_from(packet)
    return RtpHeader(
        second >= 0x80,
        second & 0x7F,
        sequence,
        timestamp,
        ssrc,
        start,
        first & 0x10 != 0,
        len(packet) - end,
    )


def payload_bounds(packet: Packet) -> tuple[int, int]:
    """Where the payload begins and ends, after the same checks: for those who want no more.

    Raises `RtpMalformed`.
    """
    size = len(packet)
    if size < FIXED_BYTES:
        raise RtpMalformed("shorter than the fixed header")
    first = packet[0]
    if first >> 6 != 2:
        raise RtpMalformed("the version is not 2")
    if 192 <= packet[1] <= 223:
        raise RtpMalformed("this is RTCP")
    if first == 0x80:
        return FIXED_BYTES, size
    start = FIXED_BYTES + 4 * (first & 0x0F)
    if first & 0x10:
        start = _extension_start(packet, start) + 4 * EXTENSION.unpack_from(packet, start)[1]
    if start > size:
        raise RtpMalformed("the CSRCs or the extension are cut off")
    padding_bytes = 0
    if first & 0x20:
        padding_bytes = packet[size - 1] if size > start else 0
        if not 0 < padding_bytes <= size - start:
            raise RtpMalformed("the padding is wrong")
    return start, size - padding_bytes


def _extension_start(packet: Packet, position: int) -> int:
    if position + EXTENSION.size > len(packet):
        raise RtpMalformed("the CSRCs or the extension are cut off")
    return position + EXTENSION.size


def header_extensions(packet: Packet) -> tuple[tuple[int, bytes], ...]:
    """The elements of the header extension, in order: identifier and value.

    Empty without an extension, or when its profile is neither form of RFC 8285. Raises
    `RtpMalformed` when the packet or an element is.
    """
    header = parse_header(packet)
    if not header.has_extension:
        return ()
    start = FIXED_BYTES + 4 * (packet[0] & 0x0F)
    profile = EXTENSION.unpack_from(packet, start)[0]
    data = bytes(packet[start + EXTENSION.size : header.length])
    if profile == ONE_BYTE_PROFILE:
        return _one_byte_elements(data)
    if profile & 0xFFF0 == TWO_BYTE_PROFILE:
        return _two_byte_elements(data)
    return ()


def _one_byte_elements(data: bytes) -> tuple[tuple[int, bytes], ...]:
    elements = []
    position = 0
    while position < len(data):
        identifier = data[position] >> 4
        if identifier == 0:  # a padding byte
            position += 1
            continue
        if identifier == STOP_ID:
            break
        end = position + 2 + (data[position] & 0x0F)
        if end > len(data):
            raise RtpMalformed("an extension element is cut off")
        elements.append((identifier, data[position + 1 : end]))
        position = end
    return tuple(elements)


def _two_byte_elements(data: bytes) -> tuple[tuple[int, bytes], ...]:
    elements = []
    position = 0
    while position < len(data):
        identifier = data[position]
        if identifier == 0:  # a padding byte
            position += 1
            continue
        end = position + 2 + data[position + 1] if position + 1 < len(data) else len(data) + 1
        if end > len(data):
            raise RtpMalformed("an extension element is cut off")
        elements.append((identifier, data[position + 2 : end]))
        position = end
    return tuple(elements)


def build_packet(
    payload: bytes,
    *,
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    marker: bool = False,
    extensions: Iterable[tuple[int, bytes]] = (),
) -> bytes:
    """One packet without CSRCs or padding. The caller wraps its numbers; too large is ValueError.

    Extension elements take the one-byte form where all of them fit it, else the two-byte form.
    """
    if not 0 <= payload_type <= 127:
        raise ValueError(f"payload type {payload_type} is not in 0..127")
    if marker and 64 <= payload_type <= 95:
        raise ValueError(f"payload type {payload_type} with a marker reads as RTCP (RFC 5761)")
    extension = _pack_extensions(tuple(extensions))
    first = 0x90 if extension else 0x80
    second = payload_type | 0x80 if marker else payload_type
    try:
        fixed = FIXED.pack(first, second, sequence, timestamp, ssrc)
    except struct.error as error:
        raise ValueError("sequence, timestamp or SSRC does not fit its field") from error
    return fixed + extension + payload


def _pack_extensions(elements: tuple[tuple[int, bytes], ...]) -> bytes:
    if not elements:
        return b""
    if all(0 < identifier < STOP_ID and 0 < len(value) <= 16 for identifier, value in elements):
        profile = ONE_BYTE_PROFILE
        data = b"".join(bytes([i << 4 | len(value) - 1]) + value for i, value in elements)
    else:
        profile = TWO_BYTE_PROFILE
        if not all(0 < i < 256 and len(value) < 256 for i, value in elements):
            raise ValueError("an extension element has an identifier of 0 or is too long")
        data = b"".join(bytes([i, len(value)]) + value for i, value in elements)
    data += bytes(-len(data) % 4)
    return EXTENSION.pack(profile, len(data) // 4) + data
