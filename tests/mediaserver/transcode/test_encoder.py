"""Sound becomes RTP packets of twenty milliseconds, with pauses in their timestamps only."""

from __future__ import annotations

import numpy as np
import pytest

from mediaserver.transcode.builders import (
    NARROW,
    OPUS,
    OPUS_FEC,
    OPUS_STEREO,
    PCMA,
    PCMU,
    SPEAKER,
    START,
    WIDE,
    packets,
    speech,
    stretches,
    tone,
)
from voicemedia_server.rtp.header import RtpHeader, parse_header
from voicemedia_server.rtp.opus_packet import packet_units
from voicemedia_server.sessions.offer import Codec
from voicemedia_server.transcode.encoder import (
    Encoder,
    NotEncodable,
    encoded_form,
    stereo_is_wanted,
)
from voicemedia_server.transcode.pcm import RATES_HZ, Pcm, PcmFormat


def headers(made: list[bytes]) -> list[RtpHeader]:
    return [parse_header(packet) for packet in made]


def payload_bytes(made: list[bytes]) -> int:
    return sum(len(packet) - 12 for packet in made)


@pytest.mark.parametrize(("codec", "form"), [(OPUS, WIDE), (PCMU, NARROW), (PCMA, NARROW)])
def test_numbers_and_timestamps_go_up_evenly_and_wrap(codec: Codec, form: PcmFormat) -> None:
    step = codec.clock_hz // 50

    made = headers(packets(tone(2, rate_hz=form.rate_hz), codec, form))

    assert [h.sequence for h in made] == [(START.sequence + n) & 0xFFFF for n in range(100)]
    assert [h.timestamp for h in made] == [
        (START.timestamp + n * step) & 0xFFFFFFFF for n in range(100)
    ]
    assert {(h.ssrc, h.payload_type) for h in made} == {(SPEAKER, codec.payload_type)}


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_packet_of_opus_lasts_twenty_milliseconds_from_any_rate(rate_hz: int) -> None:
    made = packets(speech(0.5, rate_hz=rate_hz), OPUS, PcmFormat(rate_hz))

    assert {packet_units(packet[12:]) for packet in made} == {960}
    assert headers(made)[-1].timestamp - headers(made)[0].timestamp == 24 * 960


@pytest.mark.parametrize("ms", [10, 30, 60])
def test_stretches_of_any_length_become_packets_of_twenty_milliseconds(ms: int) -> None:
    encoder = Encoder(PCMU, NARROW, START)
    sound = tone(0.6, rate_hz=8_000)

    made = [p for pcm in stretches(sound, NARROW, ms=ms) for p in encoder.take(pcm)]

    assert [len(packet) - 12 for packet in made] == [160] * 30


def test_g711_is_what_the_law_says() -> None:
    """μ-law and A-law of full scale down, silence, and full scale up (ITU-T G.711)."""
    levels = np.repeat([-32_000.0, 0.0, 32_000.0, 0.0], 40)

    mu_law = packets(levels, PCMU, NARROW)[0][12:]
    a_law = packets(levels, PCMA, NARROW)[0][12:]

    assert [mu_law[0], mu_law[40], mu_law[80]] == [0x00, 0xFF, 0x80]
    assert [a_law[0], a_law[40], a_law[80]] == [0x2A, 0xD5, 0xAA]


def test_the_first_packet_of_a_talkspurt_has_the_marker_and_no_other() -> None:
    encoder = Encoder(PCMU, NARROW, START)
    sound = list(stretches(tone(0.2, rate_hz=8_000), NARROW))
    later = [Pcm(pcm.data, NARROW, pcm.position + 8_000) for pcm in sound]

    made = headers([p for pcm in [*sound, *later] for p in encoder.take(pcm)])

    assert [place for place, h in enumerate(made) if h.marker] == [0, 10]


def test_a_payload_type_that_reads_as_rtcp_never_has_the_marker() -> None:
    made = headers(packets(tone(0.1), Codec(72, "opus", 48_000, 2)))

    assert [h.marker for h in made] == [False] * 5


def test_a_pause_is_one_of_the_timestamps_and_not_of_the_numbers() -> None:
    encoder = Encoder(OPUS, WIDE, START)
    sound = list(stretches(tone(0.1), WIDE))
    later = [Pcm(pcm.data, WIDE, pcm.position + 48_000) for pcm in sound]

    made = headers([p for pcm in [*sound, *later] for p in encoder.take(pcm)])

    assert (made[5].sequence - made[4].sequence) & 0xFFFF == 1
    assert made[5].timestamp - made[0].timestamp == 48_000


def test_a_packet_that_was_begun_before_a_pause_is_filled_with_silence() -> None:
    encoder = Encoder(PCMU, NARROW, START)
    half = tone(1, rate_hz=8_000)[:80]

    before = encoder.take(Pcm(half.astype("<i2").tobytes(), NARROW, 0))
    after = encoder.take(Pcm(bytes(320), NARROW, 8_000))

    assert before == []
    assert [len(packet) - 12 for packet in after] == [160, 160]
    assert after[0][12 + 80 :] == b"\xff" * 80


def test_a_hole_shorter_than_a_packet_is_filled_with_silence() -> None:
    encoder = Encoder(PCMU, NARROW, START)

    encoder.take(Pcm(bytes(160), NARROW, 0))
    made = encoder.take(Pcm(bytes(160), NARROW, 100))

    assert len(made) == 1
    assert encoder.take(Pcm(bytes(280), NARROW, 180)) != []


def test_sound_of_another_rate_and_channels_is_resampled_first() -> None:
    made = packets(tone(1), PCMU, PcmFormat(48_000, 2))

    assert len(made) == 49  # the resampler's delay keeps the last one back
    assert {len(packet) - 12 for packet in made} == {160}


def test_fec_is_put_in_only_when_it_was_asked_for() -> None:
    sound = speech(2)

    assert payload_bytes(packets(sound, OPUS_FEC)) != payload_bytes(packets(sound, OPUS))


def test_the_bit_rate_stays_below_what_the_other_side_allows() -> None:
    frugal = Codec(111, "opus", 48_000, 2, "minptime=10;maxaveragebitrate=12000")

    bits_a_second = payload_bytes(packets(speech(2), frugal)) * 8 / 2

    assert bits_a_second < 14_000


@pytest.mark.parametrize(
    ("codec", "is_wanted"),
    [(OPUS, False), (OPUS_STEREO, True), (Codec(0, "pcmu", 8_000, 1, "stereo=1"), False)],
)
def test_stereo_is_wanted_only_where_opus_says_so(codec: Codec, is_wanted: bool) -> None:
    assert stereo_is_wanted(codec) is is_wanted


def test_stereo_is_encoded_as_stereo() -> None:
    made = packets(speech(0.5), OPUS_STEREO, PcmFormat(48_000, 2))

    assert made[-1][12] & 0x04  # the s bit of the table of contents (RFC 6716 section 3.1)


def test_a_codec_without_encoder_is_refused_by_name() -> None:
    with pytest.raises(NotEncodable, match="telephone-event"):
        encoded_form(Codec(110, "telephone-event", 48_000), WIDE)
