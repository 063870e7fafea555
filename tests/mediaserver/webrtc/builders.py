"""Offers, agreements and ICE descriptions with good defaults for the tests of `webrtc`."""

from __future__ import annotations

from pathlib import Path

from voicemedia_server.ports import EchoIdentity, IceDescription, Ssrc
from voicemedia_server.sessions.offer import (
    Agreement,
    AnsweredSection,
    Direction,
    Fingerprint,
    IceCredentials,
    MediaSection,
    Offer,
)

OFFERS = Path(__file__).parent / "offers"
GOOD_OFFERS = sorted(p.stem for p in OFFERS.glob("*.sdp") if not p.stem.endswith(".broken"))
BROKEN_OFFERS = sorted(p.stem for p in OFFERS.glob("*.broken.sdp"))
OURS = IceCredentials(ufrag="ourUfrag", pwd="ourPasswordOf24Characters")
THEIRS = IceCredentials(ufrag="abcd", pwd="theirPasswordOf24Charact")
OUR_FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))
ECHO = EchoIdentity(ssrc=Ssrc(3_000_000_001), cname="cn", stream_id="echo-1", track_id="audio-1")

SESSION_LINES = ("v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0")
AUDIO_LINES = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "c=IN IP4 0.0.0.0",
    "a=mid:0",
    "a=sendrecv",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:theirPasswordOf24Charact",
    "a=fingerprint:sha-256 " + ":".join(["CD"] * 32),
    "a=setup:actpass",
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
    "a=fmtp:111 minptime=10;useinbandfec=1",
)


def sdp(*lines: str) -> bytes:
    """Lines as they are on the wire."""
    return "".join(line + "\r\n" for line in lines).encode()


def an_offer(*, without: str = "", changed: dict[str, str] | None = None, more: str = "") -> bytes:
    """A small good offer without the lines that begin so, with others changed, and more at the
    end. Raises `AssertionError` where a line that is to be left out or changed is not there."""
    lines = [*SESSION_LINES, *AUDIO_LINES]
    if without:
        assert any(line.startswith(without) for line in lines), without
        lines = [line for line in lines if not line.startswith(without)]
    for old, new in (changed or {}).items():
        assert any(line.startswith(old) for line in lines), old
        lines = [new if line.startswith(old) else line for line in lines]
    return sdp(*lines, *filter(None, more.split("\n")))


def offer_file(name: str) -> bytes:
    """The offer of a real client."""
    return (OFFERS / f"{name}.sdp").read_bytes()


def agree(offer: Offer) -> Agreement:
    """Takes the first codec of each section and drops video, as the default policy does."""
    return Agreement(tuple(map(_answered, offer.media)))


def _answered(section: MediaSection) -> AnsweredSection:
    is_audio = section.kind == "audio"
    both_ways = is_audio and section.direction is Direction.SENDRECV
    return AnsweredSection(
        offered=section,
        direction=Direction.SENDRECV if both_ways else Direction.RECVONLY,
        codecs=section.codecs[:1],
        extensions=section.extensions[:1],
        is_dropped=not is_audio,
    )


def an_ice_description(*candidates: str, is_lite: bool = True) -> IceDescription:
    """Our side of ICE, with one UDP candidate unless others are given."""
    return IceDescription(
        credentials=OURS,
        candidates=candidates or ("u1 1 udp 2130706431 192.0.2.1 3478 typ host",),
        options=("trickle", "ice2"),
        is_lite=is_lite,
    )
