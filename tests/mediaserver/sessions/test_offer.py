"""What is read off an offer and agreed to."""

from __future__ import annotations

import pytest

from voicemedia_server.sessions.offer import (
    Agreement,
    AnsweredSection,
    Codec,
    Direction,
    IceCredentials,
    MediaSection,
)

OPUS = Codec(111, "opus", 48000, 2)


def section(kind: str, direction: Direction) -> AnsweredSection:
    offered = MediaSection(kind, kind, direction, "UDP/TLS/RTP/SAVPF", ("111",), (OPUS,))
    return AnsweredSection(offered, direction, (OPUS,))


@pytest.mark.parametrize(
    ("ufrag", "pwd", "is_well_formed"),
    [
        ("abcd", "a" * 22, True),
        ("ab+/", "b" * 256, True),
        ("abc", "a" * 22, False),
        ("abcd", "a" * 21, False),
        ("ab-d", "a" * 22, False),
        ("abcd", "a" * 257, False),
        ("abcd\n", "a" * 22, False),
    ],
)
def test_credentials_have_the_form_that_ice_asks_for(
    ufrag: str, pwd: str, is_well_formed: bool
) -> None:
    assert IceCredentials(ufrag, pwd).is_well_formed is is_well_formed


def test_an_agreement_knows_its_audio_wherever_it_stands() -> None:
    audio = section("audio", Direction.SENDRECV)
    agreement = Agreement((section("video", Direction.RECVONLY), audio))

    assert agreement.audio is audio
    assert agreement.is_echoed


def test_only_sendrecv_is_echoed() -> None:
    assert not Agreement((section("audio", Direction.RECVONLY),)).is_echoed
