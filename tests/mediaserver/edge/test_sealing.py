"""What is sealed can be read by us alone, and for its purpose alone."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.edge.sealing import MAX_TOKEN_CHARS, SealBroken, Sealer

SECRET = b"a secret of all servers of the fleet"
SEALER = Sealer(SECRET)


def raw(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def as_token(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


@given(st.text(), st.binary(max_size=200))
def test_what_was_sealed_opens_again(purpose: str, payload: bytes) -> None:
    assert SEALER.open(purpose, SEALER.seal(purpose, payload)) == payload


def test_a_server_with_the_same_secret_reads_the_token_of_another() -> None:
    token = Sealer(SECRET).seal("resume", b"payload")

    assert Sealer(SECRET).open("resume", token) == b"payload"


def test_without_a_secret_no_other_process_reads_the_token() -> None:
    token = Sealer().seal("resume", b"payload")

    with pytest.raises(SealBroken):
        Sealer().open("resume", token)


def test_a_token_of_one_purpose_is_none_of_another() -> None:
    token = SEALER.seal("resume", b"payload")

    with pytest.raises(SealBroken):
        SEALER.open("location", token)


def test_a_token_is_safe_in_urls_and_shows_nothing_of_its_payload() -> None:
    token = SEALER.seal("resume", b"payload" * 10)

    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert b"payload" not in raw(token)


def test_the_same_payload_is_never_the_same_token() -> None:
    assert SEALER.seal("resume", b"payload") != SEALER.seal("resume", b"payload")


@given(st.data())
def test_a_token_with_one_bit_changed_opens_for_nobody(data: st.DataObject) -> None:
    sealed = bytearray(raw(SEALER.seal("resume", b"payload")))
    position = data.draw(st.integers(0, len(sealed) - 1))
    sealed[position] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(SealBroken):
        SEALER.open("resume", as_token(bytes(sealed)))


@given(st.text(max_size=100) | st.binary(max_size=100).map(as_token))
def test_nonsense_is_no_token(text: str) -> None:
    with pytest.raises(SealBroken):
        SEALER.open("resume", text)


def test_a_token_beyond_all_measure_is_not_even_read() -> None:
    with pytest.raises(SealBroken, match="too long"):
        SEALER.open("resume", "A" * (MAX_TOKEN_CHARS + 1))


def test_a_secret_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(b"s" * 31)
