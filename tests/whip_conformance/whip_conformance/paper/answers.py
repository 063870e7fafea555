"""What the paper server makes of SDP: offers read, answers and fragments written. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes

from whip_conformance.paper.flaws import Flaw
from whip_conformance.peer.certificate import Certificate, fingerprint_of, new_certificate
from whip_conformance.syntax.answer import fingerprint_flaw
from whip_conformance.syntax.candidates import CandidateError, Credentials, read_candidate
from whip_conformance.syntax.fragment import credentials_in, read_fragment
from whip_conformance.syntax.sdp import Description, SdpError, Section, read_description

OPTIONS = "trickle ice2"
KNOWN = {"audio": ("opus", "pcmu", "pcma"), "video": ("h264", "vp8")}
STATIC = {"0": "pcmu", "8": "pcma"}
KNOWN_ATTRIBUTE = re.compile(r"^(?!x-conformance)")


class Refused(Exception):
    """A body that is not taken, with the status that it deserves."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ReadOffer:
    """A good offer."""

    description: Description
    credentials: Credentials
    fingerprint: str

    @property
    def first(self) -> Section:
        return self.description.media[0]


def codecs(section: Section) -> dict[str, str]:
    """Payload types and the lower-case names of their codecs."""
    found = {pt: name for pt, name in STATIC.items() if pt in section.formats}
    for value in section.values("rtpmap"):
        payload_type, _, codec = value.partition(" ")
        found[payload_type] = codec.partition("/")[0].lower()
    return found


def read_offer(body: bytes, flaws: frozenset[Flaw]) -> ReadOffer:
    """Raises `Refused`."""
    try:
        description = read_description(body.decode())
        credentials = credentials_in(description)
    except (SdpError, UnicodeDecodeError) as error:
        raise Refused(400, str(error)) from error
    if not description.media:
        raise Refused(400, "no media section")
    fingerprint = description.for_section(description.media[0], "fingerprint") or ""
    flaw = credentials.flaw() or fingerprint_flaw(fingerprint)
    if flaw is not None:
        raise Refused(400, flaw)
    for value in description.everywhere("rtpmap"):
        if not re.fullmatch(r"\d+ [^/ ]+/\d+(/\d+)?", value.strip()):
            raise Refused(400, "an rtpmap that cannot be read")
    _check(description, flaws)
    return ReadOffer(description, credentials, fingerprint)


def _check(description: Description, flaws: frozenset[Flaw]) -> None:
    kinds = [section.kind for section in description.media]
    directions = {section.directions[0] for section in description.media if section.directions}
    streams = {value.split(" ")[0] for value in description.everywhere("msid")} - {"-"}
    setups = set(description.everywhere("setup"))
    names = [a.name for a in description.attributes]
    names += [a.name for section in description.media for a in section.attributes]
    reasons = {
        "a direction that sends nothing": Flaw.TAKES_ANY_DIRECTION not in flaws
        and bool(directions & {"recvonly", "inactive"}),
        "two tracks of a kind": len(set(kinds)) < len(kinds) and Flaw.TAKES_ONE_TRACK not in flaws,
        "two streams": len(streams) > 1 and Flaw.TAKES_ONE_STREAM not in flaws,
        "the DTLS server's role": "passive" in setups and Flaw.PASSIVE_TO_PASSIVE not in flaws,
        "sendrecv": Flaw.REFUSES_SENDRECV in flaws and "sendrecv" in directions,
        "two sections": Flaw.ONLY_ONE_SECTION in flaws and len(kinds) > 1,
        "no rtcp-mux-only": Flaw.NEEDS_MUX_ONLY in flaws and "rtcp-mux-only" not in names,
        "no candidates": Flaw.NEEDS_CANDIDATES in flaws and "candidate" not in names,
        "unknown attributes": Flaw.KNOWS_ALL_ATTRIBUTES in flaws
        and not all(map(KNOWN_ATTRIBUTE.match, names)),
        "unknown codecs": Flaw.PARTIAL_ANSWERS not in flaws
        and not all(
            set(codecs(section).values()) & set(KNOWN.get(section.kind, ()))
            for section in description.media
        ),
    }
    for reason, holds in reasons.items():
        if holds:
            raise Refused(422, reason)
    if Flaw.RIDS_BREAK in flaws and kinds == ["audio"] and "rid" in names:
        raise Refused(500, "rids")


@dataclass(frozen=True, slots=True)
class Answerer:
    """Writes answers for one server."""

    certificate: Certificate
    candidate: str
    is_echo: bool
    flaws: frozenset[Flaw]

    def fingerprint(self) -> str:
        """The value of the fingerprint attribute."""
        if Flaw.FALSE_FINGERPRINT in self.flaws:
            return f"sha-256 {new_certificate().fingerprint}"
        if Flaw.OTHER_HASH in self.flaws:
            return f"sha-384 {fingerprint_of(self.certificate.certificate, hashes.SHA384())}"
        return f"sha-256 {self.certificate.fingerprint}"

    def is_echoed(self, offer: ReadOffer) -> bool:
        """The client hears itself."""
        return self.is_echo and offer.first.directions == ("sendrecv",)

    def answer(self, offer: ReadOffer, ours: Credentials) -> str:
        """The SDP answer."""
        mids = " ".join(section.mid or "" for section in offer.description.media)
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite"]
        lines.append(f"a=ice-options:{OPTIONS}")
        if Flaw.NO_BUNDLE not in self.flaws:
            lines.append(f"a=group:BUNDLE {mids}")
        for number, section in enumerate(offer.description.media):
            lines += self._section(offer, section, number, ours)
        return "".join(f"{line}\r\n" for line in lines)

    def _section(
        self, offer: ReadOffer, section: Section, number: int, ours: Credentials
    ) -> list[str]:
        known = codecs(section)
        formats = [pt for pt in section.formats if known.get(pt) in KNOWN.get(section.kind, ())]
        is_rejected = not formats or (number > 0 and self._rejects_second(offer))
        port = 0 if is_rejected else 9
        mid = "x" if Flaw.MISFITTING_ANSWER in self.flaws else section.mid
        lines = [
            f"m={section.kind} {port} {section.profile} {' '.join(formats or section.formats)}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{mid}",
        ]
        if is_rejected:
            return [*lines, "a=inactive"]
        echoed = self.is_echoed(offer) or Flaw.ANSWERS_SENDRECV in self.flaws
        lines += [
            f"a={'sendrecv' if echoed else 'recvonly'}",
            f"a=setup:{self._setup()}",
            f"a=ice-ufrag:{ours.ufrag}",
            f"a=ice-pwd:{ours.pwd}",
            f"a=fingerprint:{self.fingerprint()}",
        ]
        if Flaw.NO_MUX not in self.flaws:
            lines.append("a=rtcp-mux")
        if Flaw.NO_MUX_ONLY not in self.flaws:
            lines.append("a=rtcp-mux-only")
        lines += [f"a=rtpmap:{v}" for v in section.values("rtpmap") if v.split(" ")[0] in formats]
        if Flaw.SIMULCAST_SENDS in self.flaws and section.has("simulcast"):
            lines += ["a=rid:hi recv", "a=simulcast:send hi"]
        if number == 0:
            lines += self.candidates()
        return lines

    def _rejects_second(self, offer: ReadOffer) -> bool:
        kinds = {section.kind for section in offer.description.media}
        is_doubled = len(kinds) < len(offer.description.media)
        wrong = Flaw.TAKES_ONE_TRACK if is_doubled else Flaw.TAKES_ONE_STREAM
        return wrong in self.flaws

    def _setup(self) -> str:
        if Flaw.ANSWERS_ACTPASS in self.flaws:
            return "actpass"
        return "active" if Flaw.ANSWERS_ACTIVE in self.flaws else "passive"

    def candidates(self) -> list[str]:
        """The lines of our one candidate."""
        if Flaw.NO_CANDIDATES in self.flaws:
            return []
        end = [] if Flaw.OPEN_END in self.flaws else ["a=end-of-candidates"]
        return [f"a=candidate:{self.candidate}", *end]

    def fragment(self, offer: ReadOffer, ours: Credentials) -> str:
        """The answer to a restart."""
        first = offer.first
        lines = ["a=ice-lite"]
        if Flaw.LOSES_OPTIONS not in self.flaws:
            lines.append(f"a=ice-options:{OPTIONS}")
        lines += [
            f"m={first.kind} 9 {first.profile} {' '.join(first.formats)}",
            f"a=mid:{first.mid}",
            f"a=ice-ufrag:{ours.ufrag}",
            f"a=ice-pwd:{ours.pwd}",
            *self.candidates(),
        ]
        return "".join(f"{line}\r\n" for line in lines)


def read_patch(body: bytes, offer: ReadOffer, flaws: frozenset[Flaw]) -> Credentials | None:
    """The credentials of a fragment for this offer's session. Raises `Refused`."""
    try:
        fragment = read_fragment(body.decode())
        credentials = None
        if fragment.everywhere("ice-ufrag") or fragment.everywhere("ice-pwd"):
            credentials = credentials_in(fragment)
        for text in fragment.everywhere("candidate"):
            candidate = read_candidate(text)
            if Flaw.STRANGE_IS_400 in flaws and not candidate.is_usable:
                raise Refused(400, "a strange candidate")
    except (SdpError, CandidateError, UnicodeDecodeError) as error:
        raise Refused(400, str(error)) from error
    flaw = None if credentials is None else credentials.flaw()
    if flaw is not None:
        raise Refused(400, flaw)
    mids = set(fragment.everywhere("mid"))
    if not mids <= {offer.first.mid} and Flaw.ANY_MID not in flaws:
        raise Refused(400, "an unknown mid")
    wants_all = Flaw.PEDANTIC_FRAGMENTS in flaws
    if wants_all and not (fragment.bundle and fragment.everywhere("ice-options")):
        raise Refused(400, "no group or no ice-options")
    if Flaw.NEEDS_MEDIA_LINE in flaws and not (fragment.media and mids):
        raise Refused(400, "no media line or no mid")
    if Flaw.NO_END_OF_CANDIDATES in flaws and fragment.everywhere("end-of-candidates"):
        raise Refused(400, "end-of-candidates")
    return credentials
