"""Which audio is taken, and how long a frame of it lasts."""

from __future__ import annotations

import pytest

from voicemedia_server.websocket.formats import (
    ALAW,
    FORMATS,
    L16,
    MAX_FRAME_MS,
    MULAW,
    OPUS,
    AudioFormat,
    choose_format,
)
from voicemedia_server.websocket.messages import (
    CloseCode,
    ErrorCode,
    MediaFormat,
    MessageRefused,
)

OPUS_20_MS = bytes([31 << 3]) + b"x" * 40  # config 31: CELT, 20 ms, one frame
OPUS_60_MS = bytes([3 << 3]) + b"x" * 40  # config 3: SILK, 60 ms
OPUS_120_MS = bytes([3 << 3 | 1]) + b"x" * 40  # two of them


def wanted(form: AudioFormat, channels: int = 1) -> MediaFormat:
    return MediaFormat(encoding=form.name, sample_rate=form.clock_hz, channels=channels)


@pytest.mark.parametrize("form", FORMATS, ids=lambda f: f"{f.name} {f.clock_hz}")
def test_each_form_can_be_asked_for(form: AudioFormat) -> None:
    assert choose_format(wanted(form)) is form


def test_opus_is_taken_however_many_channels_it_is_said_to_have() -> None:
    assert choose_format(wanted(OPUS, 2)) is OPUS


@pytest.mark.parametrize(
    "format_",
    [
        MediaFormat(encoding="audio/x-mulaw", sample_rate=16000),
        MediaFormat(encoding="audio/x-l16", sample_rate=44100),
        MediaFormat(encoding="audio/x-l16", sample_rate=16000, channels=2),
        MediaFormat(encoding="audio/mpeg"),
    ],
)
def test_another_form_is_refused_with_those_that_there_are(format_: MediaFormat) -> None:
    with pytest.raises(MessageRefused, match=r"audio/x-mulaw 8000, .*audio/opus 48000") as refused:
        choose_format(format_)

    assert refused.value.code is ErrorCode.UNSUPPORTED_FORMAT
    assert refused.value.close_code is CloseCode.UNSUPPORTED


@pytest.mark.parametrize(
    ("form", "payload", "units"),
    [
        (MULAW, bytes(160), 160),
        (ALAW, bytes(80), 80),
        (L16[48000], bytes(1920), 960),
        (OPUS, OPUS_20_MS, 960),
        (OPUS, OPUS_60_MS, 2880),
    ],
)
def test_a_frame_lasts_as_long_as_its_samples(
    form: AudioFormat, payload: bytes, units: int
) -> None:
    assert form.units(payload) == units


@pytest.mark.parametrize(
    ("form", "payload"), [(MULAW, b""), (L16[8000], bytes(3)), (OPUS, b""), (OPUS, bytes(5000))]
)
def test_what_is_no_frame_is_refused(form: AudioFormat, payload: bytes) -> None:
    with pytest.raises(MessageRefused) as refused:
        form.units(payload)

    assert refused.value.code is ErrorCode.INVALID_PAYLOAD


@pytest.mark.parametrize(
    ("form", "payload"),
    [(MULAW, bytes(8 * MAX_FRAME_MS + 1)), (L16[48000], bytes(5762)), (OPUS, OPUS_120_MS)],
)
def test_a_frame_that_lasts_too_long_is_refused(form: AudioFormat, payload: bytes) -> None:
    with pytest.raises(MessageRefused) as refused:
        form.units(payload)

    assert refused.value.code is ErrorCode.FRAME_TOO_LONG
