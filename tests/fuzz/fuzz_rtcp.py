"""Any datagram is read as RTCP or refused; what was read is written and read the same."""

from __future__ import annotations

from dataclasses import replace

from voicemedia_server.rtp.rtcp import (
    MAX_NACKED,
    GenericNack,
    RtcpMalformed,
    RtcpPacket,
    build_compound,
    parse_compound,
)


def take(data: bytes) -> None:
    try:
        packets = parse_compound(data)
    except RtcpMalformed:
        return
    asked_for = sum(len(packet.lost) for packet in packets if isinstance(packet, GenericNack))
    assert asked_for <= MAX_NACKED
    try:
        rebuilt = build_compound(*packets)
    except ValueError as error:
        if "a text of more than" in str(error):  # no UTF-8: grown by replacement characters
            return
        raise
    assert in_one_order(parse_compound(rebuilt)) == in_one_order(packets)


def in_one_order(packets: tuple[RtcpPacket, ...]) -> list[RtcpPacket]:
    """Masks of a NACK may overlap; writing them merges what they ask for."""
    return [
        replace(packet, lost=tuple(sorted(set(packet.lost))))
        if isinstance(packet, GenericNack)
        else packet
        for packet in packets
    ]
