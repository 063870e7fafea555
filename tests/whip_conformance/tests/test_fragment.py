from __future__ import annotations

from dataclasses import replace

import pytest

from whip_conformance.syntax.candidates import Credentials, read_candidate
from whip_conformance.syntax.fragment import Fragment, credentials_in, read_fragment
from whip_conformance.syntax.sdp import SdpError

CREDENTIALS = Credentials("abcd", "x" * 22)
CANDIDATE = read_candidate("1 1 udp 1 192.0.2.1 9 typ host")
WHOLE = Fragment(CREDENTIALS, (CANDIDATE,), options="trickle ice2", is_last=True)


def test_a_fragment_is_written_as_in_the_rfc() -> None:
    assert WHOLE.lines() == [
        "a=ice-options:trickle ice2",
        "a=group:BUNDLE 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=mid:0",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:" + "x" * 22,
        "a=candidate:1 1 udp 1 192.0.2.1 9 typ host",
        "a=end-of-candidates",
    ]


def test_a_fragment_written_and_read_says_the_same() -> None:
    fragment = read_fragment(WHOLE.text)

    assert credentials_in(fragment) == CREDENTIALS
    assert fragment.everywhere("candidate") == (str(CANDIDATE),)
    assert fragment.bundle == ("0",)
    assert fragment.media[0].mid == "0"


def test_without_a_media_line_everything_stands_at_session_level() -> None:
    fragment = read_fragment(replace(WHOLE, media_line=None, mid=None).text)

    assert fragment.media == ()
    assert credentials_in(fragment) == CREDENTIALS


@pytest.mark.parametrize("text", ["", "v=0\r\n", "a=mid:0", "m=audio\r\n", "no\r\n"])
def test_a_fragment_that_breaks_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(SdpError):
        read_fragment(text)


def test_a_bundle_has_one_pair_of_credentials() -> None:
    two = WHOLE.text + "m=video 9 P 0\r\na=ice-ufrag:other\r\n"

    with pytest.raises(SdpError, match="2 different ice-ufrag and 1 ice-pwd"):
        credentials_in(read_fragment(two))
