"""A speaker's packets become sound: in order, whole, with pauses where the speaker paused."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaserver.transcode.builders import (
    EVENTS,
    NARROW,
    OPUS,
    OPUS_FEC,
    PCMA,
    PCMU,
    WIDE,
    Samples,
    a_packet,
    hear,
    likeness,
    mono,
    packets,
    speech,
    strength,
    tone,
)
from voicemedia_server.sessions.offer import Codec
from voicemedia_server.transcode.decoder import Decoder
from voicemedia_server.transcode.pcm import RATES_HZ, Pcm, PcmFormat

UNITS = 960  # 20 ms of Opus
TONE_PAYLOADS = [packet[12:] for packet in packets(tone(1), OPUS)]


def of_tone(place: int, *, sequence: int = 0, timestamp: int | None = None) -> bytes:
    """The packet at `place` of a tone, numbered as it should be unless said otherwise."""
    units = place * UNITS if timestamp is None else timestamp
    return a_packet(TONE_PAYLOADS[place], sequence=sequence or place, timestamp=units)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("codec", [OPUS, PCMU, PCMA], ids=lambda codec: str(codec.name))
def test_sound_comes_out_at_the_wanted_rate(codec: Codec, rate_hz: int) -> None:
    form = WIDE if codec is OPUS else NARROW
    sent = packets(tone(1, rate_hz=form.rate_hz, pitch_hz=400), codec, form)

    heard = hear(Decoder([codec], PcmFormat(rate_hz)), sent).samples

    assert len(heard) == pytest.approx(rate_hz, rel=0.003)
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.argmax(spectrum) * rate_hz / len(heard) == pytest.approx(400, abs=3)
    assert strength(heard) == pytest.approx(strength(tone(1)), rel=0.15)


def test_a_packet_that_was_overtaken_is_heard_in_its_place() -> None:
    sent = packets(speech(1), OPUS)
    swapped = [*sent[:20], sent[21], sent[20], *sent[22:]]

    in_order = hear(Decoder([OPUS], WIDE), sent)
    decoder = Decoder([OPUS], WIDE)
    heard = hear(decoder, swapped)

    assert np.array_equal(heard.samples, in_order.samples)
    assert (decoder.counts.lost, decoder.counts.late) == (0, 0)


def test_a_packet_that_comes_after_it_was_given_up_is_counted_as_late_and_not_heard() -> None:
    sent = packets(speech(1), OPUS)
    decoder = Decoder([OPUS], WIDE)

    heard = hear(decoder, [*sent[:20], *sent[21:24], sent[20], *sent[24:]])

    assert (decoder.counts.late, decoder.counts.lost) == (1, 1)
    assert len(heard.samples) == len(sent) * UNITS


def test_a_packet_that_comes_twice_is_heard_once() -> None:
    decoder = Decoder([OPUS], WIDE)
    given = [of_tone(0), of_tone(2), of_tone(2), of_tone(1), of_tone(3)]

    heard = hear(decoder, given)

    assert len(heard.samples) == 4 * UNITS
    assert decoder.counts.duplicated == 1


@pytest.mark.parametrize("codec", [OPUS, OPUS_FEC, PCMU], ids=["opus", "opus with fec", "pcmu"])
def test_loss_leaves_no_hole_and_changes_no_times(codec: Codec) -> None:
    form = NARROW if codec is PCMU else WIDE
    sent = packets(speech(2, rate_hz=form.rate_hz), codec, form)
    decoder = Decoder([codec], form)

    heard = hear(decoder, sent, lost={20, 40, 41, 60, 61, 62})

    assert heard.pauses == []
    assert len(heard.samples) == 2 * form.rate_hz
    assert decoder.counts.lost == decoder.counts.recovered + decoder.counts.concealed == 6


def test_a_long_loss_is_concealed_at_its_beginning_and_silent_after() -> None:
    decoder = Decoder([OPUS], WIDE)
    sent = packets(speech(2), OPUS)

    heard = hear(decoder, sent, lost=range(20, 60))

    assert heard.pauses == [(26 * UNITS, 60 * UNITS)]
    assert len(heard.samples) == 100 * UNITS
    assert (decoder.counts.lost, decoder.counts.concealed) == (40, 6)


def test_a_pause_of_the_source_stays_a_pause_and_nothing_is_invented() -> None:
    decoder = Decoder([OPUS], WIDE)
    before = [of_tone(place) for place in range(5)]
    after = [of_tone(place, timestamp=(place + 20) * UNITS) for place in range(5, 10)]

    heard = hear(decoder, before + after)

    assert heard.pauses == [(5 * UNITS, 25 * UNITS)]
    assert (decoder.counts.lost, decoder.counts.concealed) == (0, 0)


def test_a_packet_lost_before_a_pause_is_concealed_and_the_pause_kept() -> None:
    decoder = Decoder([OPUS], WIDE)
    before = [of_tone(place) for place in range(5)]
    after = [of_tone(place, timestamp=(place + 20) * UNITS) for place in range(6, 10)]

    heard = hear(decoder, before + after)

    assert heard.pauses == [(6 * UNITS, 26 * UNITS)]
    assert (decoder.counts.lost, decoder.counts.concealed) == (1, 1)


def test_a_packet_of_dtx_is_comfort_noise() -> None:
    decoder = Decoder([OPUS], WIDE)
    silence = [a_packet(b"\x78", sequence=5 + n, timestamp=(5 + n) * UNITS) for n in range(3)]

    heard = hear(decoder, [*(of_tone(place) for place in range(5)), *silence])

    assert len(heard.samples) == 8 * UNITS
    assert (decoder.counts.decoded, decoder.counts.malformed) == (8, 0)


def test_a_new_source_is_heard_behind_the_old_one() -> None:
    decoder = Decoder([OPUS], WIDE)
    old = [of_tone(place) for place in range(5)]
    new = [
        a_packet(TONE_PAYLOADS[n], sequence=40_000 + n, timestamp=7_000_000 + n * UNITS, ssrc=77)
        for n in range(5)
    ]

    heard = hear(decoder, old + new)

    assert heard.pauses == []
    assert len(heard.samples) == 10 * UNITS
    assert decoder.counts.lost == 0


def test_a_source_may_change_its_codec_in_the_middle() -> None:
    decoder = Decoder([OPUS, PCMU], WIDE)
    wide = packets(tone(0.4), OPUS)
    narrow = [
        a_packet(p[12:], payload_type=0, sequence=65_500 + len(wide) + n, timestamp=n * 160)
        for n, p in enumerate(packets(tone(0.4, rate_hz=8_000), PCMU, NARROW))
    ]

    heard = hear(decoder, wide + narrow)

    assert decoder.counts.lost == 0
    assert len(heard.samples) == pytest.approx(0.8 * 48_000, rel=0.01)
    late = heard.samples[-4800:]
    assert strength(late) == pytest.approx(strength(tone(1)), rel=0.15)


def test_a_clock_that_jumps_back_goes_on_from_where_the_sound_ended() -> None:
    decoder = Decoder([OPUS], WIDE)
    jumped = [of_tone(place, timestamp=0x90000000 + place * UNITS) for place in range(5, 10)]

    heard = hear(decoder, [*(of_tone(place) for place in range(5)), *jumped])

    assert heard.pauses == []
    assert len(heard.samples) == 10 * UNITS


def test_numbers_that_begin_anew_are_no_loss() -> None:
    decoder = Decoder([OPUS], WIDE)
    first = [of_tone(place, sequence=30_000 + place) for place in range(5)]
    second = [
        of_tone(place, sequence=5 + place, timestamp=(5 + place) * UNITS) for place in range(20)
    ]

    hear(decoder, first + second)

    assert decoder.counts.lost == 0


def test_telephone_events_between_are_passed_over_and_are_no_loss() -> None:
    decoder = Decoder([OPUS, EVENTS], WIDE)
    event = a_packet(b"\x01\x0a\x00\xa0", payload_type=110, sequence=5, timestamp=5 * UNITS)
    after = [of_tone(p, sequence=p + 1, timestamp=p * UNITS) for p in range(5, 10)]

    heard = hear(decoder, [*(of_tone(place) for place in range(5)), event, *after])

    assert len(heard.samples) == 10 * UNITS
    assert (decoder.counts.foreign, decoder.counts.lost) == (1, 0)


def test_a_payload_that_is_nothing_is_counted_and_treated_as_lost() -> None:
    decoder = Decoder([OPUS], WIDE)
    broken = a_packet(b"\x7b", sequence=5, timestamp=5 * UNITS)

    heard = hear(decoder, [*map(of_tone, range(5)), broken, *map(of_tone, range(6, 10))])

    assert (decoder.counts.malformed, decoder.counts.lost, decoder.counts.concealed) == (1, 1, 1)
    assert len(heard.samples) == 10 * UNITS


def test_a_payload_that_libopus_refuses_is_counted_and_concealed() -> None:
    decoder = Decoder([OPUS], WIDE)
    broken = a_packet(b"\x79...", sequence=5, timestamp=5 * UNITS)

    heard = hear(decoder, [*map(of_tone, range(5)), broken])

    assert decoder.counts.malformed == 1
    assert len(heard.samples) == 7 * UNITS


def test_padding_and_header_extensions_are_not_taken_for_sound() -> None:
    plain = of_tone(0)
    padded = bytes([plain[0] | 0x30, *plain[1:12]])
    padded += b"\xbe\xde\x00\x01\x10\xff\x00\x00" + plain[12:] + b"\0\0\0\x04"

    heard = hear(Decoder([OPUS], WIDE), [padded])

    assert np.array_equal(heard.samples, hear(Decoder([OPUS], WIDE), [plain]).samples)


def test_what_is_no_rtp_is_counted() -> None:
    decoder = Decoder([OPUS], WIDE)

    assert decoder.take(b"no packet") == []
    assert decoder.counts.malformed == 1


def test_stereo_is_decoded_to_the_channels_that_are_wanted() -> None:
    stereo = PcmFormat(48_000, 2)
    sent = packets(tone(0.5), Codec(111, "opus", 48_000, 2, "stereo=1"), stereo)

    made = [pcm for packet in sent for pcm in Decoder([OPUS], stereo).take(packet)]
    as_mono = [pcm for packet in sent for pcm in Decoder([OPUS], WIDE).take(packet)]

    assert {len(pcm.data) for pcm in made} == {UNITS * 4}
    assert {len(pcm.data) for pcm in as_mono} == {UNITS * 2}


def test_what_is_decoded_is_what_was_said() -> None:
    said = speech(2)
    heard = hear(Decoder([OPUS], WIDE), packets(said, OPUS)).samples

    delay = best_delay(said, heard)

    assert delay < 0.01 * 48_000  # the encoder looks ahead for 6.5 ms
    assert likeness(said[: len(said) - delay], heard[delay:]) > 0.9


def best_delay(said: Samples, heard: Samples) -> int:
    """By how many samples `heard` is behind, 599 at most."""
    length = len(said) - 600
    return int(np.argmax([said[:length] @ heard[d : d + length] for d in range(600)]))


ARRIVALS = st.lists(
    st.tuples(
        st.integers(0, 49),  # which packet of the tone
        st.sampled_from([0, 0, 0, 0, 960, 48_000, -5_000, 0x7FFFFFFF]),  # what its clock does
        st.sampled_from([0, 0, 0, 1, 2, 3000, 40_000]),  # what its number does
    ),
    max_size=40,
)


@settings(deadline=None)
@given(ARRIVALS)
def test_positions_never_fall_whatever_comes(arrivals: list[tuple[int, int, int]]) -> None:
    decoder = Decoder([OPUS], WIDE)
    sent = [
        of_tone(place, sequence=place + number, timestamp=place * UNITS + clock)
        for place, clock, number in arrivals
    ]

    pieces = hear_pieces(decoder, sent)

    assert all(one.end <= two.position for one, two in pairwise(pieces))


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=20))
def test_random_payloads_break_nothing(payloads: list[bytes]) -> None:
    decoder = Decoder([OPUS, PCMU], WIDE)
    sent = [
        a_packet(payload, sequence=n, timestamp=n * UNITS, payload_type=111 if n % 3 else 0)
        for n, payload in enumerate(payloads)
    ]

    for pcm in hear_pieces(decoder, sent):
        assert len(mono(pcm)) == pcm.length


def hear_pieces(decoder: Decoder, sent: list[bytes]) -> list[Pcm]:
    """All stretches of sound, without laying them out."""
    made = [pcm for packet in sent for pcm in decoder.take(packet)]
    return made + decoder.flush()
