"""What we read off an Opus packet is what libopus reads."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaserver.transcode.builders import OPUS, OPUS_FEC, OPUS_STEREO, packets, speech
from voicemedia_server.rtp.opus_packet import (
    MAX_UNITS,
    OpusMalformed,
    carries_fec,
    frame_units,
    packet_units,
)
from voicemedia_server.sessions.offer import Codec
from voicemedia_server.transcode.libopus import load_libopus
from voicemedia_server.transcode.pcm import PcmFormat

TABLE_2_MS = (10, 20, 40, 60) * 3 + (10, 20) * 2 + (2.5, 5, 10, 20) * 4


@pytest.mark.parametrize("config", range(32))
def test_a_frame_lasts_as_long_as_table_2_of_rfc_6716_says(config: int) -> None:
    assert frame_units(bytes([config << 3])) == TABLE_2_MS[config] * 48


@pytest.mark.parametrize(
    ("payload", "frames"),
    [(b"\x78..", 1), (b"\x79....", 2), (b"\x7a\x01..", 2), (b"\x7b\x03......", 3)],
    ids=["code 0", "code 1", "code 2", "code 3"],
)
def test_a_packet_lasts_as_long_as_its_frames(payload: bytes, frames: int) -> None:
    assert packet_units(payload) == frames * 960


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x7b", b"\x7b\x00", b"\x7b\x07......."],
    ids=["empty", "no frame count", "no frames", "140 ms"],
)
def test_what_is_no_packet_is_refused(payload: bytes) -> None:
    with pytest.raises(OpusMalformed):
        packet_units(payload)


@given(st.binary(min_size=1, max_size=80))
def test_the_duration_is_what_libopus_says(payload: bytes) -> None:
    theirs = load_libopus().opus_packet_get_nb_samples(payload, len(payload), 48_000)

    if 0 < theirs <= MAX_UNITS:
        assert packet_units(payload) == theirs
    else:
        with pytest.raises(OpusMalformed):
            packet_units(payload)


@settings(max_examples=1000)
@given(st.binary(min_size=1, max_size=80))
def test_fec_is_seen_where_libopus_sees_it(payload: bytes) -> None:
    theirs = load_libopus().opus_packet_has_lbrr(payload, len(payload))

    if theirs >= 0:  # else the packet is malformed, and no decoder is asked for its FEC
        assert carries_fec(payload) == bool(theirs)


@pytest.mark.parametrize("channels", [1, 2])
def test_speech_that_was_encoded_with_fec_carries_it_mostly(channels: int) -> None:
    form = PcmFormat(48_000, channels)
    codec = OPUS_FEC if channels == 1 else OPUS_STEREO

    carrying = [carries_fec(p[12:]) for p in packets(speech(2), codec, form)]

    assert sum(carrying) > len(carrying) / 2


@pytest.mark.parametrize("codec", [OPUS], ids=["without useinbandfec"])
def test_speech_that_was_encoded_without_fec_carries_none(codec: Codec) -> None:
    assert not any(carries_fec(p[12:]) for p in packets(speech(1), codec))
