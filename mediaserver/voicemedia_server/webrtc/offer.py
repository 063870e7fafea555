"""Reads an SDP offer with aiortc's parser and gives it back as our own `Offer`.

Only the lines that we use reach the parser: ICE-lite needs none of the client's candidates, and
an attribute that we do not know must never make an offer fail (RFC 8866 section 5.13).
"""

from __future__ import annotations

import re
from collections import Counter

from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.sdp import MediaDescription, SessionDescription, parameters_to_sdp

from voicemedia_server.sessions.offer import (
    Codec,
    Direction,
    Fingerprint,
    HeaderExtension,
    IceCredentials,
    MediaSection,
    Offer,
)
from voicemedia_server.sessions.refusals import OfferMalformed

MAX_LINES = 4000
MAX_SECTIONS = 32
MAX_FORMATS = 128  # payload types have seven bits
MAX_OF_FORMAT = {"rtpmap": 1, "fmtp": 1, "rtcp-fb": 16}
"""Lines for one format that reach the parser, whose work grows with formats times lines."""
PAYLOAD_TYPES = range(128)
EXTENSION_IDS = range(1, 256)  # RFC 8285 section 5; higher ones in offers are only placeholders
FORBIDDEN = re.compile("[\0-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
"""Control characters, among them all that Python takes for the end of a line, but for LF."""
FINGERPRINT = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){15,63}")  # RFC 8122 section 5
STATIC_PAYLOAD_TYPES = {"0": "PCMU/8000", "8": "PCMA/8000"}  # RFC 3551 section 6
SETUP_OF_ROLE = {"auto": "actpass", "client": "active", "server": "passive"}
TRANSPORT_ATTRIBUTES = ("group", "fingerprint", "ice-ufrag", "ice-pwd", "ice-options", "setup")
MEDIA_ATTRIBUTES = ("mid", "msid", "extmap", "rtpmap", "fmtp", "rtcp-fb", "rtcp-mux", "bundle-only")
USED_ATTRIBUTES = frozenset((*TRANSPORT_ATTRIBUTES, *MEDIA_ATTRIBUTES, *Direction))
PARSER_FAILURES = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    StopIteration,
    TypeError,
    ValueError,
)


def read_offer(body: bytes) -> Offer:
    """Reads an SDP offer (RFC 8866, RFC 9725 section 4.2). Raises `OfferMalformed`."""
    session_lines, sections = _used_lines(_text(body))
    text = "\r\n".join(line for group in (session_lines, *sections) for line in group) + "\r\n"
    try:
        description = SessionDescription.parse(text)
        return _offer(description, sections)
    except PARSER_FAILURES as failure:
        raise OfferMalformed("A line of the SDP does not follow RFC 8866.") from failure


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as failure:
        raise OfferMalformed("The SDP is not UTF-8 text.") from failure
    text = text.replace("\r\n", "\n")
    if FORBIDDEN.search(text):
        raise OfferMalformed("The SDP holds a control character.")
    if not text.startswith("v=0"):
        raise OfferMalformed("The body does not begin with v=0, as SDP must.")
    if not text.endswith("\n"):
        raise OfferMalformed("The last line of the SDP has no end; was it cut off?")
    return text


def _used_lines(text: str) -> tuple[list[str], list[list[str]]]:
    """The lines that matter, of the session and of each media section."""
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise OfferMalformed(f"The SDP has more than {MAX_LINES} lines.")
    session: list[str] = []
    sections: list[list[str]] = []
    seen_types = set()
    for line in lines:
        if not line:
            continue
        if len(line) < 2 or line[1] != "=" or not line[0].isalpha():
            raise OfferMalformed("Each line of SDP is one letter, '=' and a value.")
        seen_types.add(line[0])
        if line[0] == "m":
            sections.append([line])
        elif line[0] == "a":
            name, _, value = line[2:].partition(":")
            if name not in USED_ATTRIBUTES:
                continue
            if name == "extmap":
                line = "a=extmap:" + " ".join(value.split()[:2])
            (sections[-1] if sections else session).append(line.rstrip())
        elif line[0] in "vost" and not sections:
            session.append(line)
    missing = [kind for kind in "vostm" if kind not in seen_types]
    if missing:
        raise OfferMalformed(f"The SDP has no {missing[0]}= line.")
    if len(sections) > MAX_SECTIONS:
        raise OfferMalformed(f"The SDP has more than {MAX_SECTIONS} media sections.")
    return session, [_with_static_formats(_of_its_formats(section)) for section in sections]


def _of_its_formats(section: list[str]) -> list[str]:
    """Leaves out lines for formats that the section does not offer, and too many for one."""
    formats = section[0].split()[3:]
    if len(formats) > MAX_FORMATS:
        raise OfferMalformed(f"A media section has more than {MAX_FORMATS} formats.")
    seen: Counter[tuple[str, str]] = Counter()
    kept = [section[0]]
    for line in section[1:]:
        name, _, value = line[2:].partition(":")
        if name in MAX_OF_FORMAT:
            of_format = name, value.partition(" ")[0]
            seen[of_format] += 1
            is_offered = of_format[1] in formats or of_format[1] == "*"
            if not is_offered or seen[of_format] > MAX_OF_FORMAT[name]:
                continue
        kept.append(line)
    return kept


def _with_static_formats(section: list[str]) -> list[str]:
    """Adds the rtpmap of static payload types; leaves out parameters of unmapped ones."""
    mapped = {line[9:].partition(" ")[0] for line in section if line.startswith("a=rtpmap:")}
    formats = section[0].split()[3:]
    added = [
        f"a=rtpmap:{name} {STATIC_PAYLOAD_TYPES[name]}"
        for name in formats
        if name in STATIC_PAYLOAD_TYPES and name not in mapped
    ]
    mapped.update(line[9:].partition(" ")[0] for line in added)
    kept = [
        line
        for line in section
        if not line.startswith("a=fmtp:") or line[7:].partition(" ")[0] in mapped
    ]
    return [kept[0], *added, *kept[1:]]


def _offer(description: SessionDescription, sections: list[list[str]]) -> Offer:
    bundle = next((g.items for g in description.group if g.semantic == "BUNDLE"), [])
    mids = tuple(str(mid) for mid in bundle)
    media = tuple(map(_section, description.media, sections))
    known_mids = [section.mid for section in media if section.mid]
    if len(set(known_mids)) != len(known_mids) or len(set(mids)) != len(mids):
        raise OfferMalformed("A mid stands twice in the SDP.")
    if not set(mids) <= set(known_mids):
        raise OfferMalformed("The BUNDLE group names a mid that no media section has.")
    tagged = next(
        (m for m in description.media if mids and m.rtp.muxId == mids[0]), description.media[0]
    )
    if tagged.ice is None or not tagged.ice.usernameFragment or not tagged.ice.password:
        raise OfferMalformed("a=ice-ufrag or a=ice-pwd is missing.")
    if tagged.dtls is None:
        raise OfferMalformed("a=setup is missing.")
    if not tagged.dtls.fingerprints:
        raise OfferMalformed("a=fingerprint is missing.")
    ice = IceCredentials(tagged.ice.usernameFragment, tagged.ice.password)
    if not ice.is_well_formed:
        raise OfferMalformed("a=ice-ufrag has 4 to 256 ice-chars, a=ice-pwd 22 to 256.")
    if not all(FINGERPRINT.fullmatch(f.value) for f in tagged.dtls.fingerprints):
        raise OfferMalformed("a=fingerprint is not hexadecimal octets with colons.")
    return Offer(
        media=media,
        bundle=mids,
        ice=ice,
        ice_options=tuple((tagged.ice_options or "").split()),
        fingerprints=tuple(
            Fingerprint(f.algorithm.lower(), f.value.upper()) for f in tagged.dtls.fingerprints
        ),
        setup=SETUP_OF_ROLE[tagged.dtls.role],
    )


def _section(media: MediaDescription, lines: list[str]) -> MediaSection:
    formats = {str(name) for name in media.fmt}
    is_bundle_only = "a=bundle-only" in lines
    return MediaSection(
        kind=media.kind,
        mid=media.rtp.muxId or "",
        direction=Direction(media.direction or "sendrecv"),
        profile=media.profile,
        formats=tuple(str(name) for name in media.fmt),
        codecs=tuple(_codec(c) for c in media.rtp.codecs if str(c.payloadType) in formats),
        extensions=tuple(
            HeaderExtension(e.id, e.uri)
            for e in media.rtp.headerExtensions
            if e.id in EXTENSION_IDS
        ),
        stream_id=media.msid.split()[0] if media.msid else None,
        is_rtcp_mux=media.rtcp_mux,
        is_rejected=media.port == 0 and not is_bundle_only,
    )


def _codec(codec: RTCRtpCodecParameters) -> Codec:
    assert codec.payloadType is not None, "aiortc reads it from the rtpmap line"
    channels = 1 if codec.channels is None else codec.channels
    if codec.payloadType not in PAYLOAD_TYPES or codec.clockRate < 1 or channels < 1:
        raise OfferMalformed("a=rtpmap has an impossible payload type, clock rate or channels.")
    return Codec(
        payload_type=codec.payloadType,
        name=codec.mimeType.partition("/")[2].lower(),
        clock_hz=codec.clockRate,
        channels=channels,
        parameters=parameters_to_sdp(codec.parameters),
        feedback=tuple(
            f"{f.type} {f.parameter}" if f.parameter else f.type for f in codec.rtcpFeedback
        ),
    )
