"""How a call probably sounds, as one number: the E-model reduced to what RTCP can tell.

The fullband E-model (ITU-T G.107.2), since Opus at 48 kHz is no telephone: its scale of R goes
to 148 instead of 93.2. Noise, loudness and echo are taken as perfect, so that
R = 148 - delay impairment - equipment impairment, and R / 1.48 becomes a MOS by Annex B of
G.107. It compares calls and versions with each other; it does not know what anybody heard.
"""

from __future__ import annotations

import math

FULLBAND_RATING = 148.0
FULLBAND_SCALE = 1.48
LOSS_CEILING = 132.0
"""The impairment that total loss tends to (G.107.2 section 7.5)."""

OPUS_IMPAIRMENT = 16.83
OPUS_LOSS_ROBUSTNESS = 10.44
"""Ie and Bpl (random loss) of Opus, super-wideband, VBR at 31 kbit/s: the measured bit rate
nearest to the 32 kbit/s that browsers send speech with. Alahmadi, Pocta, Melvin: An Adaptive
Bitrate Switching Algorithm for Speech Applications in Context of WebRTC (ACM TOMM 17, 2021,
doi:10.1145/3458751). G.113 has no values for Opus; those of EVS at 32 kbit/s (Appendix V:
8.7 and 9.3) are near. In-band FEC is not in them: calls that use it sound better than this says.
"""

CODEC_DELAY_S = 0.0265
"""A frame of 20 ms and what Opus looks ahead (RFC 6716 section 2)."""
PLAYOUT_DELAY_S = 0.030
"""What a browser's jitter buffer holds on a quiet path, as measured."""
JITTER_FACTOR = 2.0
"""How far a jitter buffer grows with jitter."""
UNNOTICED_DELAY_S = 0.1


def estimate_mos(round_trip_s: float, jitter_s: float, loss_ratio: float) -> float:
    """The estimated conversational MOS, from 1 (bad) to 4.5; 4.3 is all that this Opus reaches.

    `loss_ratio` is 0 to 1, of packets that come too late or never; what lies outside is taken
    as the nearer end. Negative times are taken as zero.
    """
    delay_s = (
        max(0.0, round_trip_s) / 2
        + CODEC_DELAY_S
        + PLAYOUT_DELAY_S
        + JITTER_FACTOR * max(0.0, jitter_s)
    )
    rating = (
        FULLBAND_RATING
        - FULLBAND_SCALE * delay_impairment(delay_s)
        - equipment_impairment(min(1.0, max(0.0, loss_ratio)))
    )
    return mos_from_rating(rating / FULLBAND_SCALE)


def delay_impairment(delay_s: float) -> float:
    """Idd of G.107 section 7.4: what a delay from mouth to ear takes from the narrowband R."""
    if delay_s <= UNNOTICED_DELAY_S:
        return 0.0
    octaves = math.log2(delay_s / UNNOTICED_DELAY_S)
    onset = math.pow(1 + octaves**6, 1 / 6)
    saturation = 3 * math.pow(1 + (octaves / 3) ** 6, 1 / 6)
    return 25 * (onset - saturation + 2)


def equipment_impairment(loss_ratio: float) -> float:
    """Ie,eff of G.107.2 section 7.5: what Opus and random loss take from the fullband R."""
    loss_percent = 100 * loss_ratio
    share = loss_percent / (loss_percent + OPUS_LOSS_ROBUSTNESS)
    return OPUS_IMPAIRMENT + (LOSS_CEILING - OPUS_IMPAIRMENT) * share


def mos_from_rating(rating: float) -> float:
    """The mean opinion score of a rating R from 0 to 100 (G.107 Annex B).

    The polynomial dips below 1 before R = 6.5; it is cut there.
    """
    if rating <= 0:
        return 1.0
    if rating >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)
