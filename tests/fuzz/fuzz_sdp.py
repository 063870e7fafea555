"""Any body is read as an offer or refused; the answer to one that was read has only our lines."""

from __future__ import annotations

import re

from voicemedia_server.ports import IceDescription
from voicemedia_server.sessions.offer import (
    Agreement,
    AnsweredSection,
    Direction,
    Fingerprint,
    IceCredentials,
    Offer,
)
from voicemedia_server.sessions.refusals import OfferMalformed
from voicemedia_server.webrtc.answer import write_answer
from voicemedia_server.webrtc.offer import read_offer

ICE = IceDescription(
    credentials=IceCredentials("ourUfrag", "ourPasswordOf24Characters"),
    candidates=("u1 1 udp 2130706431 192.0.2.1 3478 typ host",),
    options=("trickle", "ice2"),
)
FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))
LINE = re.compile(r"[vostmc]=.+|a=[a-z-]+(:.+)?")


def take(data: bytes) -> None:
    try:
        offer = read_offer(data)
    except OfferMalformed:
        return
    assert offer.media
    assert offer.fingerprints
    assert set(offer.bundle) <= {section.mid for section in offer.media}
    for section in offer.media:
        assert all(0 <= codec.payload_type <= 127 for codec in section.codecs)
        assert all(codec.clock_hz > 0 and codec.channels > 0 for codec in section.codecs)
        assert all(0 < extension.id < 256 for extension in section.extensions)
    answer = write_answer(offer, whole(offer), ICE, [FINGERPRINT], None)
    lines = answer.removesuffix("\r\n").split("\r\n")
    assert all(LINE.fullmatch(line) and line.splitlines() == [line] for line in lines)
    assert sum(line.startswith("m=") for line in lines) == len(offer.media)


def whole(offer: Offer) -> Agreement:
    """Everything that was offered."""
    return Agreement(
        tuple(
            AnsweredSection(section, Direction.RECVONLY, section.codecs, section.extensions)
            for section in offer.media
        )
    )
