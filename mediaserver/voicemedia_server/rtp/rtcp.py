"""RTCP packets, read and written (RFC 3550 section 6, RFC 4585 section 6.2, RFC 5506).

Reading is strict about lengths and indifferent to types it does not know; it takes a packet
alone as well as a compound. Writing refuses what would not be read back: that is a bug of ours.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

SR, RR, SDES, BYE, APP, RTPFB, PSFB, XR = range(200, 208)
SDES_CNAME = 1
GENERIC_NACK = 1
MAX_COUNT = 31
"""Report blocks, chunks or sources in one packet: the field has five bits."""
MAX_PACKETS = 32
MAX_NACKED = 512
"""Sequence numbers that one datagram may ask for; each costs a look into a history."""
MAX_TEXT_BYTES = 255

HEADER = struct.Struct("!BBH")
SENDER_INFO = struct.Struct("!IQIII")
BLOCK = struct.Struct("!IIIIII")
WORD = struct.Struct("!I")
PAIR = struct.Struct("!HH")


class RtcpMalformed(ValueError):
    """The bytes are no RTCP. `reason` says why, without quoting them."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"no RTCP packet: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says of one source. `fraction_lost` is in 256ths, `dlsr` in 65536ths of a
    second, `jitter` in RTP units; `cumulative_lost` is signed, 24 bits on the wire."""

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest_extended: int
    jitter: int
    lsr: int
    dlsr: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR (section 6.4.1). `ntp` has 64 bits; profile-specific extensions are not kept."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR (section 6.4.2); profile-specific extensions are not kept."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES (section 6.5), of which only the canonical name is kept: pairs of SSRC and CNAME."""

    chunks: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Bye:
    """BYE (section 6.6)."""

    sources: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GenericNack:
    """Lost packets by sequence number (RFC 4585 section 6.2.1)."""

    sender_ssrc: int
    media_ssrc: int
    lost: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UnknownReport:
    """A packet of a type that we do not read, kept as it came but for its padding. `count` is
    the five bits beside the version: a count, a subtype or a feedback message type."""

    packet_type: int
    count: int
    body: bytes


RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Bye | GenericNack | UnknownReport


def parse_compound(data: bytes | bytearray | memoryview) -> tuple[RtcpPacket, ...]:
    """Reads a compound or reduced-size packet, whole or not at all. Raises `RtcpMalformed`."""
    data = bytes(data)
    packets: list[RtcpPacket] = []
    nacked = 0
    start = 0
    while start < len(data):
        if len(packets) == MAX_PACKETS:
            raise RtcpMalformed(f"more than {MAX_PACKETS} packets")
        if len(data) - start < HEADER.size:
            raise RtcpMalformed("a header is cut off")
        first, packet_type, words = HEADER.unpack_from(data, start)
        end = start + HEADER.size + 4 * words
        if first >> 6 != 2:
            raise RtcpMalformed("the version is not 2")
        if end > len(data):
            raise RtcpMalformed("a packet is cut off")
        body = data[start + HEADER.size : end]
        if first & 0x20:
            body = _without_padding(body, is_last=end == len(data))
        packet = _parse(packet_type, first & 0x1F, body)
        if isinstance(packet, GenericNack):
            nacked += len(packet.lost)
            if nacked > MAX_NACKED:
                raise RtcpMalformed(f"more than {MAX_NACKED} packets are asked for")
        packets.append(packet)
        start = end
    if not packets:
        raise RtcpMalformed("empty")
    return tuple(packets)


def _without_padding(body: bytes, *, is_last: bool) -> bytes:
    if not is_last or not body or not 0 < body[-1] <= len(body) or body[-1] % 4:
        raise RtcpMalformed("the padding is wrong")
    return body[: -body[-1]]


def _parse(packet_type: int, count: int, body: bytes) -> RtcpPacket:
    if packet_type == SR:
        if len(body) < SENDER_INFO.size:
            raise RtcpMalformed("a sender report is cut off")
        ssrc, ntp, rtp_timestamp, packets, octets = SENDER_INFO.unpack_from(body)
        blocks = _blocks(body, SENDER_INFO.size, count)
        return SenderReport(ssrc, ntp, rtp_timestamp, packets, octets, blocks)
    if packet_type == RR:
        if len(body) < WORD.size:
            raise RtcpMalformed("a receiver report is cut off")
        (ssrc,) = WORD.unpack_from(body)
        return ReceiverReport(ssrc, _blocks(body, WORD.size, count))
    if packet_type == SDES:
        return _parse_description(count, body)
    if packet_type == BYE:
        return _parse_bye(count, body)
    if packet_type == RTPFB and count == GENERIC_NACK:
        return _parse_nack(body)
    return UnknownReport(packet_type, count, body)


def _blocks(body: bytes, start: int, count: int) -> tuple[ReportBlock, ...]:
    if len(body) < start + count * BLOCK.size:
        raise RtcpMalformed("report blocks are cut off")
    blocks = []
    for position in range(count):
        ssrc, loss, highest, jitter, lsr, dlsr = BLOCK.unpack_from(
            body, start + position * BLOCK.size
        )
        cumulative = loss & 0xFFFFFF
        if cumulative & 0x800000:
            cumulative -= 0x1000000
        blocks.append(ReportBlock(ssrc, loss >> 24, cumulative, highest, jitter, lsr, dlsr))
    return tuple(blocks)


def _parse_description(count: int, body: bytes) -> SourceDescription:
    chunks = []
    position = 0
    for _ in range(count):
        if len(body) < position + 4:
            raise RtcpMalformed("a source description is cut off")
        (ssrc,) = WORD.unpack_from(body, position)
        position += 4
        cname = ""
        while True:
            if position >= len(body):
                raise RtcpMalformed("a source description does not end")
            if body[position] == 0:
                break
            end = position + 2 + body[position + 1] if position + 1 < len(body) else len(body) + 1
            if end > len(body):
                raise RtcpMalformed("a description item is cut off")
            if body[position] == SDES_CNAME:
                cname = body[position + 2 : end].decode("utf-8", "replace")
            position = end
        position += 4 - position % 4  # the null octet, and padding to the next word
        chunks.append((ssrc, cname))
    return SourceDescription(tuple(chunks))


def _parse_bye(count: int, body: bytes) -> Bye:
    if len(body) < 4 * count:
        raise RtcpMalformed("a BYE is cut off")
    sources = struct.unpack_from(f"!{count}I", body)
    rest = body[4 * count :]
    if rest and 1 + rest[0] > len(rest):
        raise RtcpMalformed("the reason of a BYE is cut off")
    reason = rest[1 : 1 + rest[0]].decode("utf-8", "replace") if rest else ""
    return Bye(sources, reason)


def _parse_nack(body: bytes) -> GenericNack:
    if len(body) < 12:
        raise RtcpMalformed("a NACK is cut off")
    sender_ssrc, media_ssrc = struct.unpack_from("!II", body)
    lost: list[int] = []
    for first, mask in PAIR.iter_unpack(body[8:]):
        lost.append(first)
        lost += [(first + 1 + bit) & 0xFFFF for bit in range(16) if mask >> bit & 1]
    return GenericNack(sender_ssrc, media_ssrc, tuple(lost))


def build_compound(*packets: RtcpPacket) -> bytes:
    """The packets one behind the other, in the order given.

    Raises ValueError for more entries than a packet holds, text beyond 255 bytes, a NACK of
    nothing or a body that does not fill words.
    """
    return b"".join(map(_build, packets))


def _build(packet: RtcpPacket) -> bytes:
    match packet:
        case SenderReport():
            info = SENDER_INFO.pack(
                packet.ssrc,
                packet.ntp,
                packet.rtp_timestamp,
                packet.packet_count,
                packet.octet_count,
            )
            return _packet(SR, len(packet.blocks), info + _pack_blocks(packet.blocks))
        case ReceiverReport():
            body = WORD.pack(packet.ssrc) + _pack_blocks(packet.blocks)
            return _packet(RR, len(packet.blocks), body)
        case SourceDescription():
            body = b"".join(_chunk(ssrc, cname) for ssrc, cname in packet.chunks)
            return _packet(SDES, len(packet.chunks), body)
        case Bye():
            reason = _text(packet.reason)
            body = struct.pack(f"!{len(packet.sources)}I", *packet.sources)
            if packet.reason:
                body += _to_words(reason)
            return _packet(BYE, len(packet.sources), body)
        case GenericNack():
            if not packet.lost:
                raise ValueError("a NACK asks for at least one packet")
            head = struct.pack("!II", packet.sender_ssrc, packet.media_ssrc)
            return _packet(RTPFB, GENERIC_NACK, head + _pack_nack(packet.lost))
        case UnknownReport():
            return _packet(packet.packet_type, packet.count, packet.body)


def _packet(packet_type: int, count: int, body: bytes) -> bytes:
    if not 0 <= count <= MAX_COUNT:
        raise ValueError(f"{count} entries do not fit one packet")
    if len(body) % 4:
        raise ValueError("the body does not fill words")
    return HEADER.pack(0x80 | count, packet_type, len(body) // 4) + body


def _to_words(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _pack_blocks(blocks: tuple[ReportBlock, ...]) -> bytes:
    return b"".join(
        BLOCK.pack(
            block.ssrc,
            block.fraction_lost << 24 | block.cumulative_lost & 0xFFFFFF,
            block.highest_extended,
            block.jitter,
            block.lsr,
            block.dlsr,
        )
        for block in blocks
    )


def _chunk(ssrc: int, cname: str) -> bytes:
    return _to_words(WORD.pack(ssrc) + bytes([SDES_CNAME]) + _text(cname) + b"\0")


def _text(text: str) -> bytes:
    """UTF-8 behind its length."""
    data = text.encode()
    if len(data) > MAX_TEXT_BYTES:
        raise ValueError(f"a text of more than {MAX_TEXT_BYTES} bytes")
    return bytes([len(data)]) + data


def _pack_nack(lost: tuple[int, ...]) -> bytes:
    pairs: list[tuple[int, int]] = []
    for sequence in lost:
        bit = (sequence - pairs[-1][0] - 1) & 0xFFFF if pairs else 0xFFFF
        if bit < 16:
            pairs[-1] = (pairs[-1][0], pairs[-1][1] | 1 << bit)
        else:
            pairs.append((sequence, 0))
    return b"".join(PAIR.pack(first, mask) for first, mask in pairs)
