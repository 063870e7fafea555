"""Fragments of a PATCH: what is read, and what is no fragment."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.ports import IceDescription
from voicemedia_server.sessions.offer import IceCredentials
from voicemedia_server.sessions.refusals import FragmentMalformed
from voicemedia_server.whip.sdpfrag import Fragment, read_fragment, write_fragment

PWD = "p" * 22
CREDENTIALS = f"a=ice-ufrag:EsAw\r\na=ice-pwd:{PWD}\r\n"
MEDIA = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
CANDIDATE = "1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0"


def read(text: str) -> Fragment:
    return read_fragment(text.encode())


def test_the_example_of_the_rfc_is_read() -> None:
    fragment = read(f"{CREDENTIALS}{MEDIA}a=candidate:{CANDIDATE}\r\na=end-of-candidates\r\n")

    assert fragment.credentials == IceCredentials("EsAw", PWD)
    assert fragment.mids == ("0",)
    assert fragment.candidates == (CANDIDATE,)
    assert fragment.is_complete


@pytest.mark.parametrize(
    "candidate",
    [
        "1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
        "1 1 udp 1 4a7c.local 9 typ host",
        "1 1 udp 1 192.0.2.1 99999 typ host",
        "1 1 udp 1 fe80::1%eth0 9 typ host",
        "1 1 quic 1 192.0.2.1 9 typ unheard-of",
    ],
)
def test_a_candidate_that_is_of_no_use_is_still_a_candidate(candidate: str) -> None:
    assert read(f"{MEDIA}a=candidate:{candidate}\r\n").candidates == (candidate,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "this is no fragment",
        "a=ice-ufrag:EsAw\r\n",
        f"a=ice-ufrag:E\r\na=ice-pwd:{PWD}\r\n",
        f"{CREDENTIALS}a=ice-ufrag:other\r\n",
        f"{MEDIA}a=candidate:1 1 udp\r\n",
        f"{CREDENTIALS}m=audio\r\n",
        f"v=0\r\n{CREDENTIALS}",
        "a=unknown:only\r\n",
        "a=mid:0\0\r\n",
        "a=mid:0\r\n" * 1001,
    ],
)
def test_what_is_no_fragment_is_called_malformed(text: str) -> None:
    with pytest.raises(FragmentMalformed):
        read(text)


@given(st.binary(max_size=300))
def test_any_body_is_either_read_or_called_malformed(body: bytes) -> None:
    with contextlib.suppress(FragmentMalformed):
        read_fragment(body)


def test_what_we_write_can_be_read_back() -> None:
    ours = IceCredentials("ours", "q" * 24)
    ice = IceDescription(ours, (CANDIDATE,), ("trickle", "ice2"))

    text = write_fragment(ice, mid="0")

    fragment = read(text)
    assert fragment == Fragment(ours, ("0",), (CANDIDATE,), is_complete=True)
    assert "a=ice-lite" in text
    assert "a=ice-options:trickle ice2" in text
