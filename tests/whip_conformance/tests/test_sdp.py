from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whip_conformance.offers import malformed, sample
from whip_conformance.syntax.sdp import Description, SdpError, read_description

HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
CLIENT_OFFERS = (
    "baseline",
    "audio-and-video",
    "chromium",
    "chromium-sendrecv",
    "chromium-gathered",
    "firefox",
    "firefox-gathered",
    "gstreamer",
    "obs",
    "pion",
    "ffmpeg-active",
    "ffmpeg-passive",
    "simulcast",
    "unknown-attributes",
)
NOT_EVEN_SDP = (
    "binary",
    "empty",
    "html",
    "json",
    "no-equals-sign",
    "no-formats",
    "no-origin",
    "no-version",
    "nul-bytes",
    "port-not-a-number",
    "truncated",
    "wrong-version",
)


@pytest.mark.parametrize("name", CLIENT_OFFERS)
def test_the_offer_of_a_real_client_is_read(name: str) -> None:
    description = sample(name).description

    assert description.media[0].kind == "audio"
    assert description.media[0].directions in (("sendonly",), ("sendrecv",))


@pytest.mark.parametrize("name", NOT_EVEN_SDP)
def test_what_is_no_sdp_is_refused(name: str) -> None:
    text = malformed()[name].decode("utf-8", errors="replace")

    with pytest.raises(SdpError):
        read_description(text)


def test_a_section_attribute_beats_that_of_the_session() -> None:
    text = HEAD + "a=setup:passive\r\nm=audio 9 P 0\r\na=setup:active\r\nm=video 9 P 0\r\n"

    description = read_description(text)

    assert description.for_section(description.media[0], "setup") == "active"
    assert description.for_section(description.media[1], "setup") == "passive"


def test_the_bundle_group_is_told_from_other_groups() -> None:
    description = read_description(HEAD + "a=group:LS 0 1\r\na=group:BUNDLE 0 1\r\n")

    assert description.bundle == ("0", "1")


def test_port_0_means_rejected_unless_it_is_bundle_only() -> None:
    text = HEAD + "m=audio 0 P 0\r\nm=video 0 P 0\r\na=bundle-only\r\n"

    audio, video = read_description(text).media

    assert audio.is_rejected
    assert not video.is_rejected


@pytest.mark.parametrize(
    "text",
    [
        HEAD.replace("\r\n", "\n"),
        HEAD + "m=audio 9  P 0\r\n",
        HEAD + "m=audio 99999 P 0\r\n",
        HEAD + "x=1\r\n",
        HEAD + "a=\r\n",
        HEAD + "a=two words:1\r\n",
        HEAD + "m=audio 9 P 0\r\nt=0 0\r\n",
        "s=-\r\n" + HEAD,
        HEAD + "c=IN IP4 0.0.0.0\r\n",
    ],
)
def test_sdp_that_breaks_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(SdpError):
        read_description(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(SdpError):
        assert isinstance(read_description(text), Description)
