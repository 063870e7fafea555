"""SDP fragments for trickle ICE (RFC 8840) as WHIP uses them (RFC 9725 section 4.3). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voicemedia_server.ports import IceDescription
from voicemedia_server.sessions.offer import IceCredentials
from voicemedia_server.sessions.refusals import FragmentMalformed

MEDIA_TYPE = "application/trickle-ice-sdpfrag"
MAX_LINES = 1000
CANDIDATE_PARTS = 8  # foundation, component, transport, priority, address, port, "typ", type
LINE = re.compile(r"([a-z])=(.*)\Z", re.DOTALL)
MEDIA_LINE = re.compile(r"[a-z]+ \d+(/\d+)? [A-Za-z/]+( \S+)*\Z")


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a fragment says. `candidates` are the attribute values as they came: an ICE-lite
    server needs none, so one that cannot be used is harmless (RFC 9725 section 4.3.2)."""

    credentials: IceCredentials | None
    mids: tuple[str, ...]
    candidates: tuple[str, ...]
    is_complete: bool


def read_fragment(body: bytes) -> Fragment:
    """Reads the body of a PATCH. Raises `FragmentMalformed`."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as failure:
        raise FragmentMalformed("The fragment is not UTF-8 text.") from failure
    lines = [line for line in re.split(r"\r?\n", text) if line]
    if not lines:
        raise FragmentMalformed("The fragment is empty.")
    if len(lines) > MAX_LINES:
        raise FragmentMalformed(f"The fragment has more than {MAX_LINES} lines.")
    values: dict[str, list[str]] = {}
    for line in lines:
        name, value = _attribute(line)
        if name:
            values.setdefault(name, []).append(value)
    known = {"ice-ufrag", "ice-pwd", "candidate", "end-of-candidates", "mid", "group"}
    if not known & values.keys():
        raise FragmentMalformed("The fragment has no ICE attribute.")
    for candidate in values.get("candidate", ()):
        _check_candidate(candidate)
    return Fragment(
        credentials=_credentials(values),
        mids=tuple(values.get("mid", ())),
        candidates=tuple(values.get("candidate", ())),
        is_complete="end-of-candidates" in values,
    )


def _attribute(line: str) -> tuple[str, str]:
    """Name and value of an attribute line; an empty name for a media line."""
    parts = LINE.match(line)
    if parts is None or "\0" in line:
        raise FragmentMalformed("Each line of a fragment is one letter, '=' and a value.")
    kind, rest = parts.groups()
    if kind == "m":
        if not MEDIA_LINE.match(rest.strip()):
            raise FragmentMalformed("An m= line of the fragment cannot be read.")
        return "", ""
    if kind != "a":
        raise FragmentMalformed("A fragment holds a= and m= lines only (RFC 8840 section 9).")
    name, _, value = rest.strip().partition(":")
    return name, value


def _credentials(values: dict[str, list[str]]) -> IceCredentials | None:
    ufrags, pwds = set(values.get("ice-ufrag", ())), set(values.get("ice-pwd", ()))
    if not ufrags and not pwds:
        return None
    if len(ufrags) != 1 or len(pwds) != 1:
        raise FragmentMalformed("The fragment needs exactly one a=ice-ufrag and one a=ice-pwd.")
    credentials = IceCredentials(ufrags.pop(), pwds.pop())
    if not credentials.is_well_formed:
        raise FragmentMalformed("a=ice-ufrag has 4 to 256 ice-chars, a=ice-pwd 22 to 256.")
    return credentials


def _check_candidate(value: str) -> None:
    """Only its form: a candidate that is of no use to us is still a candidate."""
    parts = value.split()
    if len(parts) < CANDIDATE_PARTS or parts[6] != "typ":
        raise FragmentMalformed("An a=candidate line is cut short (RFC 8839 section 5.1).")


def write_fragment(ice: IceDescription, mid: str, kind: str = "audio") -> str:
    """The body that answers an ICE restart: our new credentials and all candidates."""
    lines = ["a=ice-lite"] if ice.is_lite else []
    if ice.options:
        lines.append("a=ice-options:" + " ".join(ice.options))
    lines += [
        f"a=ice-ufrag:{ice.credentials.ufrag}",
        f"a=ice-pwd:{ice.credentials.pwd}",
        f"m={kind} 9 UDP/TLS/RTP/SAVPF 0",
        f"a=mid:{mid}",
        *(f"a=candidate:{candidate}" for candidate in ice.candidates),
        "a=end-of-candidates",
    ]
    return "\r\n".join(lines) + "\r\n"
