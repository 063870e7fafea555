"""RTP packets by RFC 3550 section 5 and appendix A.1, extensions by RFC 8285.

`aiortc.rtp` is the oracle: written by others, for the same bytes.
"""

from __future__ import annotations

import struct

import pytest
from aiortc.rtp import RtpPacket, pack_header_extensions, unpack_header_extensions
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.rtp.header import (
    RtpHeader,
    RtpMalformed,
    build_packet,
    header_extensions,
    parse_header,
    payload_bounds,
)

OPUS = bytes.fromhex("80 6f 3039 000003c0 deadbeef") + b"opus"

sixteen_bits = st.integers(0, 0xFFFF)
thirty_two_bits = st.integers(0, 0xFFFFFFFF)
payload_types = st.integers(0, 63) | st.integers(96, 127)
one_byte_elements = st.lists(
    st.tuples(st.integers(1, 14), st.binary(min_size=1, max_size=16)), max_size=14
)
two_byte_elements = st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=255)), max_size=8)


def extended(profile: int, data: bytes, payload: bytes = b"opus") -> bytes:
    head = bytes.fromhex("90 6f 3039 000003c0 deadbeef")
    return head + struct.pack("!HH", profile, len(data) // 4) + data + payload


def test_the_fixed_header_is_twelve_bytes_before_the_payload() -> None:
    header = parse_header(OPUS)

    assert header == RtpHeader(
        marker=False,
        payload_type=111,
        sequence=12345,
        timestamp=960,
        ssrc=0xDEADBEEF,
        length=12,
        has_extension=False,
        padding_bytes=0,
    )
    assert OPUS[header.length :] == b"opus"


def test_the_marker_is_no_part_of_the_payload_type() -> None:
    header = parse_header(b"\x80\xef" + OPUS[2:])

    assert (header.marker, header.payload_type) == (True, 111)


def test_contributing_sources_belong_to_the_header() -> None:
    packet = b"\x82" + OPUS[1:12] + bytes.fromhex("00000001 00000002") + b"opus"

    assert packet[parse_header(packet).length :] == b"opus"


def test_an_extension_belongs_to_the_header() -> None:
    packet = extended(0xBEDE, bytes.fromhex("10ff0000"))

    header = parse_header(packet)

    assert header.has_extension
    assert packet[header.length :] == b"opus"


def test_an_extension_stands_behind_the_contributing_sources() -> None:
    packet = bytes.fromhex("91 6f 3039 000003c0 deadbeef 00000001 bede0001 10ff0000") + b"opus"

    assert packet[parse_header(packet).length :] == b"opus"
    assert header_extensions(packet) == ((1, b"\xff"),)


def test_padding_counts_its_own_last_byte() -> None:
    packet = b"\xa0" + OPUS[1:] + b"\0\0\0\x04"

    assert parse_header(packet).padding_bytes == 4


def test_padding_may_be_all_there_is_behind_the_header() -> None:
    assert parse_header(b"\xa0" + OPUS[1:12] + b"\0\0\0\x04").padding_bytes == 4


def test_a_packet_may_have_no_payload() -> None:
    assert parse_header(OPUS[:12]).length == 12


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_like_buffer_is_read(kind: type[bytes | bytearray | memoryview]) -> None:
    packet = kind(extended(0xBEDE, bytes.fromhex("10ff0000")))

    assert parse_header(packet).ssrc == 0xDEADBEEF
    assert header_extensions(packet) == ((1, b"\xff"),)


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", "shorter"),
        (OPUS[:11], "shorter"),
        (b"\x00" + OPUS[1:], "version"),
        (b"\x40" + OPUS[1:], "version"),
        (b"\xc0" + OPUS[1:], "version"),
        (b"\x80\xc8" + OPUS[2:], "RTCP"),
        (b"\x80\xc9" + OPUS[2:], "RTCP"),
        (b"\x82" + OPUS[1:], "cut off"),
        (b"\x90" + OPUS[1:12] + b"\xbe\xde\x00", "cut off"),
        (b"\x90" + OPUS[1:12] + b"\xbe\xde\x00\x01", "cut off"),
        (b"\x90" + OPUS[1:12] + b"\xbe\xde\xff\xff" + bytes(400), "cut off"),
        (b"\xa0" + OPUS[1:12], "padding"),
        (b"\xa0" + OPUS[1:12] + b"opu\x00", "padding"),
        (b"\xa0" + OPUS[1:12] + b"opu\x05", "padding"),
    ],
)
def test_what_is_no_rtp_packet_is_refused_with_a_reason(packet: bytes, reason: str) -> None:
    with pytest.raises(RtpMalformed) as refusal:
        parse_header(packet)

    assert reason in refusal.value.reason


def test_a_reason_does_not_quote_the_packet() -> None:
    with pytest.raises(RtpMalformed) as refusal:
        parse_header(b"\x40" + b"secret secret secret")

    assert "secret" not in str(refusal.value)


def test_one_byte_elements_have_one_to_sixteen_bytes() -> None:
    packet = extended(0xBEDE, b"\x10\xff" + b"\x2f" + bytes(range(16)) + b"\0")

    assert header_extensions(packet) == ((1, b"\xff"), (2, bytes(range(16))))


def test_padding_may_stand_between_elements() -> None:
    packet = extended(0xBEDE, bytes.fromhex("10ff 0000 20ee 0000"))

    assert header_extensions(packet) == ((1, b"\xff"), (2, b"\xee"))


def test_identifier_15_ends_the_one_byte_form() -> None:
    packet = extended(0xBEDE, bytes.fromhex("10ff f0aa 20ee 0000"))

    assert header_extensions(packet) == ((1, b"\xff"),)


def test_two_byte_elements_may_be_empty() -> None:
    packet = extended(0x1000, bytes.fromhex("0100 0f02aabb 0000"))

    assert header_extensions(packet) == ((1, b""), (15, b"\xaa\xbb"))


def test_the_application_bits_of_the_two_byte_form_do_not_matter() -> None:
    assert header_extensions(extended(0x100F, bytes.fromhex("0101aa00"))) == ((1, b"\xaa"),)


def test_an_extension_of_another_profile_has_no_elements() -> None:
    assert header_extensions(extended(0x2000, bytes.fromhex("10ff0000"))) == ()


def test_a_packet_without_extension_has_no_elements() -> None:
    assert header_extensions(OPUS) == ()


def test_an_empty_extension_has_no_elements() -> None:
    assert header_extensions(extended(0xBEDE, b"")) == ()


@pytest.mark.parametrize(
    ("profile", "data"),
    [
        (0xBEDE, "13ffffff"),  # four bytes announced, three there
        (0xBEDE, "00000010"),  # one byte announced, none there
        (0x1000, "0103ffff"),
        (0x1000, "00000001"),  # no length
        (0x1000, "00000101"),
    ],
)
def test_an_element_that_is_cut_off_is_refused(profile: int, data: str) -> None:
    with pytest.raises(RtpMalformed):
        header_extensions(extended(profile, bytes.fromhex(data)))


def test_a_built_packet_is_the_bytes_of_the_rfc() -> None:
    packet = build_packet(b"opus", payload_type=111, sequence=12345, timestamp=960, ssrc=0xDEADBEEF)

    assert packet == OPUS


def test_small_elements_are_written_in_the_one_byte_form() -> None:
    packet = build_packet(
        b"opus",
        payload_type=111,
        sequence=12345,
        timestamp=960,
        ssrc=0xDEADBEEF,
        extensions=[(1, b"\xff")],
    )

    assert packet == extended(0xBEDE, bytes.fromhex("10ff0000"))


@pytest.mark.parametrize("element", [(15, b"\xaa"), (1, b""), (1, bytes(17))])
def test_elements_that_do_not_fit_one_byte_are_written_in_the_two_byte_form(
    element: tuple[int, bytes],
) -> None:
    packet = build_packet(
        b"", payload_type=0, sequence=0, timestamp=0, ssrc=0, extensions=[element]
    )

    assert packet[12:14] == b"\x10\x00"
    assert header_extensions(packet) == (element,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload_type": 128},
        {"payload_type": -1},
        {"sequence": 0x10000},
        {"timestamp": 1 << 32},
        {"ssrc": -1},
        {"extensions": [(0, b"x")]},
        {"extensions": [(256, b"x")]},
        {"extensions": [(1, bytes(256))]},
        {"payload_type": 72, "marker": True},  # would be read as RTCP
    ],
)
def test_a_number_that_does_not_fit_its_field_is_refused(wrong: dict[str, object]) -> None:
    fields: dict[str, object] = {"payload_type": 0, "sequence": 0, "timestamp": 0, "ssrc": 0}

    with pytest.raises(ValueError, match=r"payload type|its field|extension element"):
        build_packet(b"", **(fields | wrong))  # type: ignore[arg-type]  # wrong on purpose


@given(
    payload_types,
    sixteen_bits,
    thirty_two_bits,
    thirty_two_bits,
    st.booleans(),
    one_byte_elements | two_byte_elements,
    st.binary(max_size=64),
)
def test_what_is_built_is_read_back(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    marker: bool,
    elements: list[tuple[int, bytes]],
    payload: bytes,
) -> None:
    packet = build_packet(
        payload,
        payload_type=payload_type,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        marker=marker,
        extensions=elements,
    )
    header = parse_header(packet)

    assert (header.payload_type, header.sequence) == (payload_type, sequence)
    assert (header.timestamp, header.ssrc, header.marker) == (timestamp, ssrc, marker)
    assert packet[header.length :] == payload
    assert header_extensions(packet) == tuple(elements)


@given(st.binary(max_size=80))
def test_no_bytes_do_worse_than_be_refused(data: bytes) -> None:
    try:
        header = parse_header(data)
    except RtpMalformed:
        return

    assert 12 <= header.length <= len(data) - header.padding_bytes


@given(st.integers(0, 0xFF), st.binary(max_size=80))
def test_the_payload_is_what_the_header_leaves(first: int, rest: bytes) -> None:
    packet = bytes([first]) + rest
    try:
        start, end = payload_bounds(packet)
    except RtpMalformed as malformed:
        with pytest.raises(RtpMalformed, match=malformed.reason):
            parse_header(packet)
        return

    header = parse_header(packet)
    assert (start, end) == (header.length, len(packet) - header.padding_bytes)
    assert packet[end:] == b"" or packet[-1] == len(packet) - end


@given(st.sampled_from([0xBEDE, 0x1000, 0x1001]), st.binary(max_size=15).map(lambda d: d * 4))
def test_no_extension_does_worse_than_be_refused(profile: int, data: bytes) -> None:
    try:
        elements = header_extensions(extended(profile, data))
    except RtpMalformed:
        return

    assert all(identifier > 0 for identifier, _ in elements)


rtp_like = st.builds(
    lambda first, second, rest: bytes([first, second]) + rest,
    st.integers(0x80, 0xBF),
    st.integers(0, 0xFF).filter(lambda second: not 192 <= second <= 223),  # aiortc reads RTCP too
    st.binary(min_size=6, max_size=100),
)


@given(rtp_like)
def test_another_parser_reads_the_same_header(data: bytes) -> None:
    theirs = read_by_aiortc(data)
    try:
        ours = parse_header(data)
    except RtpMalformed:
        assert theirs is None
        return

    assert theirs is not None
    assert (ours.marker, ours.payload_type) == (bool(theirs.marker), theirs.payload_type)
    assert (ours.sequence, ours.timestamp) == (theirs.sequence_number, theirs.timestamp)
    assert (ours.ssrc, ours.padding_bytes) == (theirs.ssrc, theirs.padding_size)
    assert data[ours.length : len(data) - ours.padding_bytes] == theirs.payload


def read_by_aiortc(data: bytes) -> RtpPacket | None:
    """What aiortc makes of it. It looks into the extension too, which is not compared here."""
    try:
        return RtpPacket.parse(data)
    except ValueError as error:
        if "byte header extension" not in str(error):
            return None
    profile_at = 12 + 4 * (data[0] & 0x0F)
    return RtpPacket.parse(data[:profile_at] + b"\0\0" + data[profile_at + 2 :])


@given(one_byte_elements)
def test_another_parser_reads_the_elements_we_write(elements: list[tuple[int, bytes]]) -> None:
    packet = build_packet(b"", payload_type=0, sequence=0, timestamp=0, ssrc=0, extensions=elements)
    profile, data = int.from_bytes(packet[12:14], "big"), packet[16:]

    assert unpack_header_extensions(profile, data) == elements


@given(one_byte_elements | two_byte_elements)
def test_we_read_the_elements_another_writer_writes(elements: list[tuple[int, bytes]]) -> None:
    profile, data = pack_header_extensions(elements)
    packet = extended(profile, data) if profile else OPUS

    assert header_extensions(packet) == tuple(elements)
