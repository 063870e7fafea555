"""Whether an SDP answer fits its offer, by the rules of JSEP (RFC 9429 section 5.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whip_conformance.syntax.candidates import CandidateError, read_candidate
from whip_conformance.syntax.fragment import credentials_in
from whip_conformance.syntax.sdp import Description, SdpError, Section

_COMPATIBLE = {
    "sendonly": ("recvonly", "inactive"),
    "recvonly": ("sendonly", "inactive"),
    "sendrecv": ("sendrecv", "sendonly", "recvonly", "inactive"),
    "inactive": ("inactive",),
}
_HASH_BYTES = {"sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64}


def fingerprint_flaw(value: str) -> str | None:
    """What is wrong with the value of a `fingerprint` attribute (RFC 8122), or None."""
    algorithm, _, digest = value.partition(" ")
    length = _HASH_BYTES.get(algorithm.lower())
    if length is None:
        return f"an unknown hash function {algorithm!r}"
    if not re.fullmatch(r"[0-9A-F]{2}(:[0-9A-F]{2})*", digest) or len(digest) != 3 * length - 1:
        return "a digest that is not upper-case hexadecimal of the right length"
    return None


def _codecs(section: Section) -> dict[str, str]:
    codecs: dict[str, str] = {}
    for value in section.values("rtpmap"):
        payload_type, _, codec = value.partition(" ")
        codecs[payload_type] = codec.strip().lower().removesuffix("/1")
    return codecs


def _extensions(section: Section) -> dict[str, str]:
    extensions: dict[str, str] = {}
    for value in section.values("extmap"):
        identifier, _, rest = value.partition(" ")
        extensions[identifier.partition("/")[0]] = rest.split(" ")[0]
    return extensions


def _section_flaws(offered: Section, answered: Section) -> Iterator[str]:
    if answered.kind != offered.kind:
        yield f"its kind is {answered.kind}, offered was {offered.kind}"
    if answered.mid != offered.mid:
        yield "its mid is another than the offered one"
    if answered.is_rejected:
        return
    if answered.profile != offered.profile:
        yield f"its profile is {answered.profile}, offered was {offered.profile}"
    if not set(answered.formats) <= set(offered.formats):
        yield "it has formats that were not offered"
    known = _codecs(offered)
    for payload_type, codec in _codecs(answered).items():
        if known.get(payload_type) != codec:
            yield f"its payload type {payload_type} is another codec than offered"
    for identifier, uri in _extensions(answered).items():
        if _extensions(offered).get(identifier) != uri:
            yield f"its header extension {identifier} was not offered so"
    if len(answered.directions) != 1:
        yield f"it has {len(answered.directions)} direction attributes"
    else:
        wanted = _COMPATIBLE[(offered.directions or ("sendrecv",))[0]]
        if answered.directions[0] not in wanted:
            yield f"{answered.directions[0]} does not answer the offered direction"
    if offered.has("rtcp-mux") and not answered.has("rtcp-mux"):
        yield "it has no rtcp-mux"


def _transport_flaws(answer: Description) -> Iterator[str]:
    try:
        flaw = credentials_in(answer).flaw()
    except SdpError as error:
        flaw = str(error)
    if flaw is not None:
        yield flaw
    live = [section for section in answer.media if not section.is_rejected]
    for section in live:
        setup = answer.for_section(section, "setup")
        if setup not in ("active", "passive"):
            yield f"the setup attribute of {section.kind} is {setup}, not active or passive"
        fingerprint = answer.for_section(section, "fingerprint")
        if fingerprint is None:
            yield f"{section.kind} has no fingerprint"
        elif (flaw := fingerprint_flaw(fingerprint)) is not None:
            yield f"the fingerprint has {flaw}"
    for text in answer.everywhere("candidate"):
        try:
            read_candidate(text)
        except CandidateError as error:
            yield str(error)


def flaws(offer: Description, answer: Description) -> list[str]:
    """Everything that is wrong with `answer` as an answer to `offer`."""
    if len(answer.media) != len(offer.media):
        return [f"it has {len(answer.media)} media sections, offered were {len(offer.media)}"]
    found: list[str] = []
    for number, (offered, answered) in enumerate(zip(offer.media, answer.media, strict=True)):
        found += [f"media section {number}: {flaw}" for flaw in _section_flaws(offered, answered)]
    found += _transport_flaws(answer)
    live = {section.mid for section in answer.media if not section.is_rejected}
    if offer.bundle and not live <= set(answer.bundle):
        found.append("a media section is outside of the BUNDLE group")
    if not set(answer.bundle) <= set(offer.bundle):
        found.append("the BUNDLE group has mids that were not offered in it")
    return found
