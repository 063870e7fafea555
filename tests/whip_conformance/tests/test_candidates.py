from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whip_conformance.syntax.candidates import (
    Candidate,
    CandidateError,
    Credentials,
    read_candidate,
)

PARTS = st.text("abcdefghijklmnopqrstuvwxyzABC019+/", min_size=1, max_size=32)
CANDIDATES = st.builds(
    Candidate,
    PARTS,
    st.integers(1, 256),
    st.sampled_from(["udp", "tcp"]),
    st.integers(1, 2**31 - 1),
    st.sampled_from(["192.0.2.1", "2001:db8::1", "name.local"]),
    st.integers(0, 65535),
    st.sampled_from(["host", "srflx", "relay"]),
    st.just(()) | st.just(("generation", "0")),
)


@given(CANDIDATES)
def test_a_candidate_written_and_read_is_the_same(candidate: Candidate) -> None:
    assert read_candidate(str(candidate)) == candidate


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 1 udp 1 192.0.2.1 9 typ",
        "1 1 udp 1 192.0.2.1 9 kind host",
        "1 1 udp one 192.0.2.1 9 typ host",
        "1 0 udp 1 192.0.2.1 9 typ host",
        "1 1 udp 0 192.0.2.1 9 typ host",
        "1 1 udp 4294967296 192.0.2.1 9 typ host",
        "1 1 udp 1 192.0.2.1 65536 typ host",
        "f-1 1 udp 1 192.0.2.1 9 typ host",
    ],
)
def test_a_candidate_that_breaks_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(CandidateError):
        read_candidate(text)


@pytest.mark.parametrize(
    ("text", "is_usable"),
    [
        ("1 1 UDP 1 192.0.2.1 9 typ host", True),
        ("1 1 udp 1 2001:db8::1 9 typ host", True),
        ("1 1 tcp 1 192.0.2.1 9 typ host tcptype passive", False),
        ("1 2 udp 1 192.0.2.1 9 typ host", False),
        ("1 1 udp 1 name.local 9 typ host", False),
    ],
)
def test_only_udp_on_a_literal_address_can_be_checked(text: str, is_usable: bool) -> None:
    assert read_candidate(text).is_usable is is_usable


@pytest.mark.parametrize(
    ("credentials", "flaw"),
    [
        (Credentials("abcd", "x" * 22), None),
        (Credentials("abc", "x" * 22), "ice-ufrag has 3 characters, not 4 to 256"),
        (Credentials("abcd", "x" * 21), "ice-pwd has 21 characters, not 22 to 256"),
        (Credentials("ab-d", "x" * 22), "ice-ufrag has characters that are no ice-char"),
    ],
)
def test_credentials_are_held_to_their_grammar(credentials: Credentials, flaw: str | None) -> None:
    assert credentials.flaw() == flaw
