"""The E-model against figures that were published for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.rtp.quality import (
    OPUS_IMPAIRMENT,
    OPUS_LOSS_ROBUSTNESS,
    delay_impairment,
    equipment_impairment,
    estimate_mos,
    mos_from_rating,
)

times_s = st.floats(0, 5)
ratios = st.floats(0, 1)


@pytest.mark.parametrize(
    ("rating", "mos"),
    [(93.2, 4.41), (90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)],
)
def test_a_rating_means_the_score_that_g_107_prints(rating: float, mos: float) -> None:
    assert mos_from_rating(rating) == pytest.approx(mos, abs=0.01)


@pytest.mark.parametrize(("rating", "mos"), [(-20, 1), (0, 1), (3, 1), (100, 4.5), (148, 4.5)])
def test_a_score_has_its_ends(rating: float, mos: float) -> None:
    assert mos_from_rating(rating) == mos


@given(st.floats(-50, 150), st.floats(0, 50))
def test_a_better_rating_is_no_worse_score(rating: float, better_by: float) -> None:
    assert mos_from_rating(rating) <= mos_from_rating(rating + better_by) + 1e-9


@pytest.mark.parametrize(
    ("delay_s", "impairment"), [(0.05, 0), (0.1, 0), (0.15, 0.16), (0.2, 3.04), (0.4, 24.07)]
)
def test_delay_impairs_from_a_tenth_of_a_second_on(delay_s: float, impairment: float) -> None:
    assert delay_impairment(delay_s) == pytest.approx(impairment, abs=0.01)


def test_without_loss_only_the_codec_impairs() -> None:
    assert equipment_impairment(0) == OPUS_IMPAIRMENT


def test_at_a_loss_of_bpl_percent_half_of_what_loss_can_do_is_done() -> None:
    at_bpl = equipment_impairment(OPUS_LOSS_ROBUSTNESS / 100)

    assert at_bpl == pytest.approx((OPUS_IMPAIRMENT + 132) / 2)


@pytest.mark.parametrize(
    ("loss_ratio", "mos"), [(0, 4.30), (0.01, 4.09), (0.05, 3.28), (0.20, 1.94), (1, 1.20)]
)
def test_a_short_path_is_judged_by_its_loss(loss_ratio: float, mos: float) -> None:
    """Worked by hand: (148 - 16.83 - 115.17 * p / (p + 10.44)) / 1.48, then Annex B."""
    assert estimate_mos(0.02, 0.002, loss_ratio) == pytest.approx(mos, abs=0.01)


def test_a_call_within_the_promised_limits_is_good() -> None:
    assert estimate_mos(round_trip_s=0.1, jitter_s=0.01, loss_ratio=0.01) > 4


def test_a_call_over_a_satellite_is_not() -> None:
    assert estimate_mos(round_trip_s=0.6, jitter_s=0.01, loss_ratio=0) < 3.6


@given(times_s, times_s, ratios)
def test_a_score_is_between_its_ends(
    round_trip_s: float, jitter_s: float, loss_ratio: float
) -> None:
    assert 1 <= estimate_mos(round_trip_s, jitter_s, loss_ratio) <= 4.5


@given(times_s, times_s, ratios, times_s, times_s, ratios)
def test_a_worse_path_never_scores_higher(
    round_trip_s: float,
    jitter_s: float,
    loss_ratio: float,
    more_s: float,
    more_jitter_s: float,
    more_loss: float,
) -> None:
    worse = estimate_mos(round_trip_s + more_s, jitter_s + more_jitter_s, loss_ratio + more_loss)

    assert worse <= estimate_mos(round_trip_s, jitter_s, loss_ratio) + 1e-9


@pytest.mark.parametrize("nonsense", [-0.5, -1e-9])
def test_a_negative_figure_is_taken_as_zero(nonsense: float) -> None:
    assert estimate_mos(nonsense, nonsense, nonsense) == estimate_mos(0, 0, 0)


def test_more_than_everything_cannot_be_lost() -> None:
    assert estimate_mos(0, 0, 2) == estimate_mos(0, 0, 1)
