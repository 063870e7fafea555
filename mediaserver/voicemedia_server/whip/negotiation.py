"""What we agree to of an offer, or why we refuse all of it (RFC 9725 section 4.4). Pure.

An offer is met whole or refused whole: no section is turned down by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voicemedia_server.sessions.offer import (
    Agreement,
    AnsweredSection,
    Codec,
    Direction,
    EchoForm,
    HeaderExtension,
    MediaSection,
    Offer,
)
from voicemedia_server.sessions.refusals import OfferMalformed, OfferUnacceptable, Refusal

PROFILES = frozenset(
    prefix + profile
    for prefix in ("UDP/TLS/", "TCP/TLS/", "")
    for profile in ("RTP/SAVPF", "RTP/SAVP")
)
"""All that mean DTLS-SRTP in offers of WebRTC clients, old ones too (RFC 8829 section 5.1.2)."""
MAX_SECTIONS = 8
FORWARDED = {("opus", 48000, 2): 0, ("pcmu", 8000, 1): 1, ("pcma", 8000, 1): 1}
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"  # RFC 6464
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"  # RFC 9143 section 15
EXTENSIONS = frozenset({AUDIO_LEVEL, MID})
FINGERPRINT_ALGORITHMS = frozenset({"sha-256", "sha-384", "sha-512"})


@dataclass(frozen=True, slots=True)
class WhipPolicy:
    """What this endpoint does with what the RFC leaves open.

    `echoes`: an offer `sendrecv` is answered `sendrecv` and hears itself, a declared deviation
    (docs/decisions/0004); else, and for `sendonly`, the answer is `recvonly`.
    """

    echoes: bool = True
    rejects_video: bool = False
    trickle: bool = True
    ice_restart: bool = True


def read_echo_form(values: Sequence[str]) -> EchoForm:
    """The form that the query's `echo` asks for. Raises `Refusal`."""
    try:
        (form,) = map(EchoForm, values or [EchoForm.DIRECT])
    except ValueError:
        raise Refusal("echo must be one of " + ", ".join(EchoForm) + ", once.") from None
    return form


def negotiate(offer: Offer, policy: WhipPolicy, echo_form: EchoForm = EchoForm.DIRECT) -> Agreement:
    """The agreement. Raises `OfferUnacceptable`, or `OfferMalformed` for a useless fingerprint."""
    _check_transport(offer)
    audio = [section for section in offer.media if section.kind == "audio"]
    if len(audio) != 1:
        raise OfferUnacceptable(f"The offer has {len(audio)} audio sections; exactly one is taken.")
    agreement = Agreement(tuple(_answer(section, policy) for section in offer.media), echo_form)
    if echo_form is not EchoForm.DIRECT and not agreement.is_echoed:
        raise OfferUnacceptable("echo=decoded needs an offer sendrecv: this one hears no echo.")
    return agreement


def _check_transport(offer: Offer) -> None:
    if offer.setup == "passive":
        raise OfferUnacceptable("a=setup:passive is not taken; offer actpass or active.")
    if not any(f.algorithm in FINGERPRINT_ALGORITHMS for f in offer.fingerprints):
        raise OfferMalformed("a=fingerprint uses no hash that is taken; use sha-256.")
    if len(offer.media) > MAX_SECTIONS:
        raise OfferUnacceptable(f"The offer has more than {MAX_SECTIONS} media sections.")
    if len(offer.media) > 1:
        unbundled = [section for section in offer.media if section.mid not in offer.bundle]
        if unbundled or not offer.bundle:
            raise OfferUnacceptable("All media sections must be in one BUNDLE group.")
    for section in offer.media:
        if section.kind not in ("audio", "video"):
            raise OfferUnacceptable(f"A section of kind {section.kind} is not taken.")
        if section.is_rejected:
            raise OfferUnacceptable("A media section with port 0 cannot be met.")
        if section.profile not in PROFILES:
            raise OfferUnacceptable("Media must be RTP over DTLS-SRTP (UDP/TLS/RTP/SAVPF).")
        if section.direction not in (Direction.SENDONLY, Direction.SENDRECV):
            raise OfferUnacceptable(
                f"A section is {section.direction}; a publisher offers sendonly or sendrecv."
            )
        if not section.is_rtcp_mux:
            raise OfferUnacceptable("Every media section needs a=rtcp-mux.")
    streams = {section.stream_id for section in offer.media if section.stream_id not in (None, "-")}
    if len(streams) > 1:
        raise OfferUnacceptable("All sections must belong to one MediaStream (a=msid).")


def _answer(section: MediaSection, policy: WhipPolicy) -> AnsweredSection:
    if section.kind == "video":
        return _answer_video(section, policy)
    codecs = choose_codecs(section.codecs)
    if not codecs:
        raise OfferUnacceptable("No audio codec is known here; offer opus, PCMU or PCMA.")
    echoes = policy.echoes and section.direction is Direction.SENDRECV
    return AnsweredSection(
        offered=section,
        direction=Direction.SENDRECV if echoes else Direction.RECVONLY,
        codecs=codecs,
        extensions=_choose_extensions(section.extensions),
    )


def _choose_extensions(offered: Sequence[HeaderExtension]) -> tuple[HeaderExtension, ...]:
    """Those that we handle; of one that is offered under two ids, the first (RFC 8285)."""
    by_uri = {extension.uri: extension for extension in reversed(offered)}
    return tuple(e for e in offered if e.uri in EXTENSIONS and by_uri[e.uri] is e)


def _answer_video(section: MediaSection, policy: WhipPolicy) -> AnsweredSection:
    if policy.rejects_video:
        raise OfferUnacceptable("Video is not taken here; offer audio alone.")
    if not section.codecs:
        raise OfferUnacceptable("The video section has no codec.")
    first = section.codecs[0]
    plain = Codec(first.payload_type, first.name, first.clock_hz, 1, first.parameters)
    return AnsweredSection(section, Direction.RECVONLY, (plain,), is_dropped=True)


def choose_codecs(offered: Sequence[Codec]) -> tuple[Codec, ...]:
    """Opus first, then PCMU and PCMA as the client ordered them, with its payload types; then
    what travels along with the first: RED (RFC 2198) and telephone events (RFC 4733)."""
    known = [c for c in offered if (c.name, c.clock_hz, c.channels) in FORWARDED]
    known.sort(key=lambda c: FORWARDED[c.name, c.clock_hz, c.channels])
    if not known:
        return ()
    first = known[0]
    companions = [
        c
        for c in offered
        if c.clock_hz == first.clock_hz
        and (
            c.name == "telephone-event"
            or (c.name == "red" and first.name == "opus" and c.channels == first.channels)
        )
    ]
    return tuple(
        Codec(
            c.payload_type,
            c.name,
            c.clock_hz,
            c.channels,
            c.parameters,
            tuple(f for f in c.feedback if f == "nack"),
        )
        for c in (*known, *companions)
    )
