"""The judge of recordings must not be deaf itself."""

from __future__ import annotations

import numpy as np
import pytest

from interop.sound import RATE_HZ, compare, speech_like

SAID = speech_like(4.0)


def delayed(by_s: float) -> np.ndarray:
    return np.concatenate([np.zeros(int(by_s * RATE_HZ)), SAID])


@pytest.mark.parametrize("by_s", [0.0, 0.0521, 0.3])
def test_a_delay_is_found_to_the_sample(by_s: float) -> None:
    assert compare(SAID, delayed(by_s)).delay_s == pytest.approx(by_s, abs=1 / RATE_HZ)


def test_a_true_copy_is_called_true() -> None:
    found = compare(SAID, 0.5 * delayed(0.05))

    assert found.envelope_correlation > 0.999
    assert found.spectrum_error_db < 0.1
    assert found.gap_s == 0


def test_other_speech_is_told_from_the_copy() -> None:
    found = compare(SAID, speech_like(4.0, seed=8))

    assert found.envelope_correlation < 0.7


def test_a_hole_of_one_packet_is_found() -> None:
    heard = delayed(0.05)
    loudest = int(np.argmax(np.abs(heard)))
    heard[loudest - 1440 : loudest + 1440] = 0

    assert compare(SAID, heard).gap_s >= 0.02


def test_muffled_sound_is_found() -> None:
    kernel = np.ones(64) / 64

    assert compare(SAID, np.convolve(SAID, kernel)).spectrum_error_db > 3
