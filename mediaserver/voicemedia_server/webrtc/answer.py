"""Writes the SDP answer of an ICE-lite, DTLS-passive server (RFC 9725 section 4.4, RFC 9143)."""

from __future__ import annotations

from collections.abc import Iterable

from voicemedia_server.ports import EchoIdentity, IceDescription
from voicemedia_server.sessions.offer import Agreement, AnsweredSection, Codec, Fingerprint, Offer


def write_answer(
    offer: Offer,
    agreement: Agreement,
    ice: IceDescription,
    fingerprints: Iterable[Fingerprint],
    echo: EchoIdentity | None,
) -> str:
    """The answer, all candidates in it: nothing is trickled from our side (RFC 9725 4.3.2)."""
    lines = ["v=0", f"o=- {_session_number(ice)} 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    if ice.is_lite:
        lines.append("a=ice-lite")
    if offer.bundle:
        lines.append("a=group:BUNDLE " + " ".join(offer.bundle))
    lines.append("a=msid-semantic: WMS *")
    tagged_mid = offer.bundle[0] if offer.bundle else agreement.sections[0].offered.mid
    transport = [
        f"a=ice-ufrag:{ice.credentials.ufrag}",
        f"a=ice-pwd:{ice.credentials.pwd}",
        *([f"a=ice-options:{' '.join(ice.options)}"] if ice.options else []),
        *(f"a=fingerprint:{f.algorithm} {f.value}" for f in fingerprints),
        "a=setup:passive",
        "a=rtcp-mux",
        "a=rtcp-mux-only",
    ]
    for section in agreement.sections:
        lines += _media_line(section)
        lines += transport
        if section.offered.mid == tagged_mid:
            lines += [f"a=candidate:{candidate}" for candidate in ice.candidates]
            lines.append("a=end-of-candidates")
        lines += _formats(section)
        if echo is not None and section is agreement.audio:
            lines.append(f"a=msid:{echo.stream_id} {echo.track_id}")
            lines.append(f"a=ssrc:{echo.ssrc} cname:{echo.cname}")
    return "\r\n".join(lines) + "\r\n"


def _session_number(ice: IceDescription) -> int:
    """A number that is unique to this answer (RFC 8866 section 5.2): from its random ufrag."""
    return int.from_bytes(ice.credentials.ufrag.encode()[:7], "big")


def _media_line(section: AnsweredSection) -> list[str]:
    offered = section.offered
    payload_types = " ".join(str(codec.payload_type) for codec in section.codecs)
    lines = [f"m={offered.kind} 9 {offered.profile} {payload_types}", "c=IN IP4 0.0.0.0"]
    if offered.mid:
        lines.append(f"a=mid:{offered.mid}")
    lines.append(f"a={section.direction}")
    return lines


def _formats(section: AnsweredSection) -> list[str]:
    lines = [f"a=extmap:{extension.id} {extension.uri}" for extension in section.extensions]
    for codec in section.codecs:
        lines.append(f"a=rtpmap:{codec.payload_type} {_encoding(codec, section)}")
        lines += [f"a=rtcp-fb:{codec.payload_type} {feedback}" for feedback in codec.feedback]
        if codec.parameters:
            lines.append(f"a=fmtp:{codec.payload_type} {codec.parameters}")
    return lines


def _encoding(codec: Codec, section: AnsweredSection) -> str:
    name = "opus" if codec.name == "opus" else codec.name.upper()
    if codec.name in ("red", "telephone-event"):
        name = codec.name
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    is_audio = section.offered.kind == "audio"
    return f"{name}/{codec.clock_hz}{channels if is_audio else ''}"
