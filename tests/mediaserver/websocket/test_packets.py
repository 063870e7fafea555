"""A frame becomes a packet and the same frame again."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.rtp.header import parse_header
from voicemedia_server.websocket.formats import L16, MULAW
from voicemedia_server.websocket.messages import ErrorCode, MediaDetails, MessageRefused
from voicemedia_server.websocket.packets import Depacketizer, Packetizer

SSRC = 0x0C0FFEE0


def media(
    payload: bytes = bytes(160), chunk: int | None = None, timestamp: int | None = None
) -> MediaDetails:
    return MediaDetails(
        payload=base64.b64encode(payload).decode(), chunk=chunk, timestamp=timestamp
    )


def test_chunk_and_milliseconds_are_sequence_number_and_timestamp() -> None:
    packet = Packetizer(MULAW, SSRC).packet(media(chunk=70_000, timestamp=1000))

    header = parse_header(packet)
    assert (header.sequence, header.timestamp) == (70_000 & 0xFFFF, 8000)
    assert (header.ssrc, header.payload_type) == (SSRC, 0)
    assert packet[header.length :] == bytes(160)


def test_a_client_that_numbers_nothing_is_counted_for() -> None:
    packetizer = Packetizer(L16[16000], SSRC)

    headers = [parse_header(packetizer.packet(media(bytes(640)))) for _ in range(3)]

    assert [header.sequence for header in headers] == [1, 2, 3]
    assert [header.timestamp for header in headers] == [0, 320, 640]


@pytest.mark.parametrize("payload", ["not base64!", "AQ", "A", "AQ==AQ==", "€"])
def test_what_is_not_base64_is_refused(payload: str) -> None:
    with pytest.raises(MessageRefused) as refused:
        Packetizer(MULAW, SSRC).packet(MediaDetails(payload=payload))

    assert refused.value.code is ErrorCode.INVALID_PAYLOAD


@given(
    first=st.integers(0, 1 << 20),
    steps=st.lists(st.integers(1, 100), min_size=1, max_size=20),
    offset=st.integers(0, 0xFFFF),
)
def test_an_echo_carries_the_numbers_under_which_it_was_sent(
    first: int, steps: list[int], offset: int
) -> None:
    packetizer, depacketizer = Packetizer(MULAW, SSRC), Depacketizer(MULAW)
    chunk, echoed, said = first, [], []
    for step in steps:
        packet = bytearray(packetizer.packet(media(chunk=chunk, timestamp=chunk * 20)))
        sequence = (int.from_bytes(packet[2:4], "big") + offset) & 0xFFFF
        packet[2:4] = sequence.to_bytes(2, "big")  # as a subscription rewrites it
        frame = depacketizer.frame(bytes(packet), packetizer.first_chunk)
        echoed.append(frame.chunk)
        said.append(chunk)
        chunk += step

    assert echoed == said


def test_time_goes_on_where_the_timestamp_wraps() -> None:
    packetizer, depacketizer = Packetizer(MULAW, SSRC), Depacketizer(MULAW)
    last_ms = (1 << 32) // 8 - 20
    frames = [
        depacketizer.frame(packetizer.packet(media(chunk=n, timestamp=last_ms + 20 * n)), 0)
        for n in range(3)
    ]

    assert [frame.timestamp_ms for frame in frames] == [last_ms, last_ms + 20, last_ms + 40]


def test_a_late_packet_keeps_its_own_number() -> None:
    packetizer, depacketizer = Packetizer(MULAW, SSRC), Depacketizer(MULAW)
    packets = [packetizer.packet(media(chunk=n, timestamp=20 * n)) for n in (1, 2, 3)]

    chunks = [depacketizer.frame(packets[n], 1).chunk for n in (0, 2, 1)]

    assert chunks == [1, 3, 2]
