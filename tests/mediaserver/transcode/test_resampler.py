"""Sound keeps its pitch, length and pauses at any rate."""

from __future__ import annotations

import numpy as np
import pytest

from mediaserver.transcode.builders import Samples, mono, stretches, tone
from voicemedia_server.transcode.pcm import RATES_HZ, Pcm, PcmFormat
from voicemedia_server.transcode.resampler import Resampler

LONGEST_DELAY_S = 0.003


def run(resampler: Resampler, sound: Samples, form: PcmFormat) -> list[Pcm]:
    return [made for pcm in stretches(sound, form) for made in resampler.take(pcm)]


def pitch_hz(samples: Samples, rate_hz: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate_hz / len(samples))


@pytest.mark.parametrize("target_hz", RATES_HZ)
@pytest.mark.parametrize("source_hz", RATES_HZ)
def test_a_tone_keeps_its_pitch_and_length(source_hz: int, target_hz: int) -> None:
    source, target = PcmFormat(source_hz), PcmFormat(target_hz)

    made = run(Resampler(source, target), tone(1, rate_hz=source_hz, pitch_hz=400), source)

    sound = np.concatenate([mono(pcm) for pcm in made])
    assert abs(len(sound) / target_hz - 1) <= LONGEST_DELAY_S
    assert pitch_hz(sound, target_hz) == pytest.approx(400, abs=2)


def test_the_right_form_passes_untouched() -> None:
    form = PcmFormat(48_000, 2)
    given = list(stretches(tone(0.1), form))

    assert [made for pcm in given for made in Resampler(form, form).take(pcm)] == given


@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 1)])
def test_channels_are_split_and_joined_without_a_change_of_sound(one: int, other: int) -> None:
    source, target = PcmFormat(16_000, one), PcmFormat(16_000, other)
    sound = tone(0.2, rate_hz=16_000)

    made = run(Resampler(source, target), sound, source)

    heard = np.concatenate([mono(pcm) for pcm in made])
    assert np.allclose(heard, sound[: len(heard)], atol=2)


def test_stretches_follow_each_other_without_a_hole() -> None:
    source = PcmFormat(8_000)

    made = run(Resampler(source, PcmFormat(48_000)), tone(0.5, rate_hz=8_000), source)

    assert [pcm.position for pcm in made[1:]] == [pcm.end for pcm in made[:-1]]


def test_a_pause_stays_where_it_was() -> None:
    source = PcmFormat(8_000)
    resampler = Resampler(source, PcmFormat(48_000))
    packet = bytes(320)

    before = resampler.take(Pcm(packet, source, 0))
    after = resampler.take(Pcm(packet, source, 8_000))

    assert before[-1].end <= 960
    assert after[0].position == 48_000


def test_no_sound_gives_no_sound() -> None:
    source = PcmFormat(8_000)

    assert Resampler(source, PcmFormat(48_000)).take(Pcm(b"", source, 0)) == []
