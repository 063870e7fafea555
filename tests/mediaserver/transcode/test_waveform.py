"""What was lost of G.711 is replaced by the last pitch period, which fades."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.transcode.builders import Samples, likeness, speech, strength, tone
from voicemedia_server.transcode.waveform import FADED, OVERLAP, RATE_HZ, Waveform

PACKET = RATE_HZ // 50


def to_bytes(samples: Samples) -> bytes:
    return samples.astype("<i2").tobytes()


def to_samples(data: bytes) -> Samples:
    return np.frombuffer(data, "<i2").astype(float)


@pytest.mark.parametrize("pitch_hz", [70.0, 118.0, 200.0, 440.0])
def test_a_tone_goes_on_in_phase(pitch_hz: float) -> None:
    sound = tone(0.2, rate_hz=RATE_HZ, pitch_hz=pitch_hz)
    waveform = Waveform()
    waveform.heard(to_bytes(sound[:-PACKET]))

    invented = to_samples(waveform.conceal(PACKET))

    assert likeness(invented, sound[-PACKET:]) > 0.9


def test_what_is_invented_has_faded_after_sixty_milliseconds() -> None:
    waveform = Waveform()
    waveform.heard(to_bytes(speech(0.5, rate_hz=RATE_HZ)))

    parts = [strength(to_samples(waveform.conceal(PACKET))) for _ in range(5)]

    assert parts[0] > parts[1] > parts[2] > 0
    assert parts[FADED // PACKET :] == [0.0, 0.0]


@pytest.mark.parametrize("heard", [0, 100])
def test_with_too_little_heard_the_gap_is_silent(heard: int) -> None:
    waveform = Waveform()
    waveform.heard(to_bytes(tone(1, rate_hz=RATE_HZ)[:heard]))

    assert waveform.conceal(PACKET) == bytes(2 * PACKET)


@given(st.lists(st.binary(min_size=2, max_size=400).filter(lambda d: len(d) % 2 == 0)))
def test_without_loss_sound_passes_untouched(parts: list[bytes]) -> None:
    waveform = Waveform()

    assert [waveform.heard(part) for part in parts] == parts


@given(st.binary(max_size=1200), st.lists(st.integers(0, 700), max_size=5))
def test_as_much_is_invented_as_was_asked_for(heard: bytes, asked: list[int]) -> None:
    waveform = Waveform()
    waveform.heard(heard[: len(heard) // 2 * 2])

    assert [len(waveform.conceal(samples)) for samples in asked] == [2 * n for n in asked]


def test_real_sound_after_a_gap_begins_where_the_invented_left_off() -> None:
    waveform = Waveform()
    waveform.heard(to_bytes(tone(0.2, rate_hz=RATE_HZ)))
    waveform.conceal(PACKET)
    loud = np.full(PACKET, 20_000.0)

    heard = to_samples(waveform.heard(to_bytes(loud)))

    assert abs(heard[0]) < 15_000
    assert np.array_equal(heard[OVERLAP:], loud[OVERLAP:])
