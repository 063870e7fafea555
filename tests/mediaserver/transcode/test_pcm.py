"""Sound as numbers, and where it lies in time."""

from __future__ import annotations

import pytest

from voicemedia_server.transcode.pcm import Pcm, PcmFormat


@pytest.mark.parametrize(("channels", "layout"), [(1, "mono"), (2, "stereo")])
def test_a_block_holds_a_sample_of_every_channel(channels: int, layout: str) -> None:
    form = PcmFormat(48_000, channels)

    assert (form.block_bytes, form.layout) == (2 * channels, layout)


def test_a_stretch_ends_where_its_last_sample_does() -> None:
    pcm = Pcm(bytes(960 * 4), PcmFormat(48_000, 2), position=100)

    assert (pcm.length, pcm.end) == (960, 1060)
