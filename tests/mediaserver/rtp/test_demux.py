"""Telling datagrams apart by RFC 7983 and RFC 5761."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.rtp.demux import SHORTEST_BYTES, PacketKind, classify

EXAMPLES = {
    PacketKind.STUN: bytes.fromhex("0001 0000 2112a442") + bytes(12),
    PacketKind.DTLS: bytes.fromhex("16 fefd 0000 000000000000 0000"),
    PacketKind.RTP: bytes.fromhex("806f 3039 000003c0 deadbeef"),
    PacketKind.RTCP: bytes.fromhex("80c9 0001 deadbeef"),
    PacketKind.TURN_CHANNEL: bytes.fromhex("4000 0000"),
    PacketKind.UNKNOWN: bytes.fromhex("c000 0000") + bytes(20),  # QUIC, say
}


@pytest.mark.parametrize("kind", PacketKind)
def test_each_kind_is_told_by_its_first_bytes(kind: PacketKind) -> None:
    assert classify(EXAMPLES[kind]) is kind


@pytest.mark.parametrize("kind", [kind for kind in PacketKind if kind is not PacketKind.UNKNOWN])
def test_a_byte_less_than_the_header_is_no_packet(kind: PacketKind) -> None:
    packet = EXAMPLES[kind]
    assert len(packet) == SHORTEST_BYTES[kind]

    assert classify(packet[:-1]) is PacketKind.UNKNOWN


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (0, PacketKind.STUN),
        (3, PacketKind.STUN),
        (4, PacketKind.UNKNOWN),
        (16, PacketKind.UNKNOWN),  # ZRTP
        (19, PacketKind.UNKNOWN),
        (20, PacketKind.DTLS),
        (63, PacketKind.DTLS),
        (64, PacketKind.TURN_CHANNEL),
        (79, PacketKind.TURN_CHANNEL),
        (80, PacketKind.UNKNOWN),
        (127, PacketKind.UNKNOWN),
        (128, PacketKind.RTP),
        (191, PacketKind.RTP),
        (192, PacketKind.UNKNOWN),
        (255, PacketKind.UNKNOWN),
    ],
)
def test_the_ranges_of_the_first_byte_end_where_the_rfc_ends_them(
    first: int, kind: PacketKind
) -> None:
    assert classify(bytes([first]) + bytes(31)) is kind


@pytest.mark.parametrize(
    ("second", "kind"),
    [
        (0, PacketKind.RTP),
        (72, PacketKind.RTP),  # without a marker: 200 less 128
        (191, PacketKind.RTP),
        (192, PacketKind.RTCP),
        (200, PacketKind.RTCP),
        (223, PacketKind.RTCP),
        (224, PacketKind.RTP),  # payload type 96 with a marker
        (239, PacketKind.RTP),  # Opus as 111 with a marker
        (255, PacketKind.RTP),
    ],
)
def test_rtcp_is_told_from_rtp_by_the_second_byte(second: int, kind: PacketKind) -> None:
    assert classify(bytes([0x80, second]) + bytes(30)) is kind


def test_nothing_is_of_unknown_kind() -> None:
    assert classify(b"") is PacketKind.UNKNOWN


@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_any_bytes_like_buffer_is_told(buffer: type[bytes | bytearray | memoryview]) -> None:
    assert classify(buffer(EXAMPLES[PacketKind.RTP])) is PacketKind.RTP


@given(st.binary(max_size=40))
def test_every_datagram_has_a_kind(data: bytes) -> None:
    assert classify(data) in PacketKind
