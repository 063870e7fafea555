"""Any datagram is told apart, and read as RTP or refused; what was read is written the same."""

from __future__ import annotations

from voicemedia_server.rtp.demux import PacketKind, classify
from voicemedia_server.rtp.header import (
    RtpMalformed,
    build_packet,
    header_extensions,
    parse_header,
)


def take(data: bytes) -> None:
    kind = classify(data)
    try:
        header = parse_header(data)
    except RtpMalformed:
        return
    assert kind is PacketKind.RTP
    assert header.length + header.padding_bytes <= len(data)
    try:
        elements = header_extensions(data)
    except RtpMalformed:
        return
    payload = data[header.length : len(data) - header.padding_bytes]
    rebuilt = build_packet(
        payload,
        payload_type=header.payload_type,
        sequence=header.sequence,
        timestamp=header.timestamp,
        ssrc=header.ssrc,
        marker=header.marker,
        extensions=elements,
    )
    again = parse_header(rebuilt)
    assert header_extensions(rebuilt) == elements
    assert rebuilt[again.length :] == payload
    assert (again.sequence, again.timestamp, again.ssrc) == (
        header.sequence,
        header.timestamp,
        header.ssrc,
    )
