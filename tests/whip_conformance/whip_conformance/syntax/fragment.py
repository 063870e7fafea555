"""SDP fragments (RFC 8840 section 9): what a PATCH carries there and back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from whip_conformance.syntax.candidates import Candidate, Credentials
from whip_conformance.syntax.sdp import (
    Attribute,
    Description,
    SdpError,
    Section,
    read_attribute,
    read_media_line,
)

MEDIA_TYPE = "application/trickle-ice-sdpfrag"


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment to send. None or empty leaves the lines out that RFC 8840 lets be left out."""

    credentials: Credentials | None
    candidates: tuple[Candidate | str, ...] = ()
    options: str | None = None
    bundle: str | None = "0"
    media_line: str | None = "audio 9 UDP/TLS/RTP/SAVPF 111"
    mid: str | None = "0"
    is_last: bool = False

    def lines(self) -> list[str]:
        """The lines without their ends."""
        lines: list[str] = []
        if self.options is not None:
            lines.append(f"a=ice-options:{self.options}")
        if self.bundle is not None:
            lines.append(f"a=group:BUNDLE {self.bundle}")
        credentials = []
        if self.credentials is not None:
            credentials = [
                f"a=ice-ufrag:{self.credentials.ufrag}",
                f"a=ice-pwd:{self.credentials.pwd}",
            ]
        if self.media_line is None:
            lines += credentials
        else:
            lines.append(f"m={self.media_line}")
            if self.mid is not None:
                lines.append(f"a=mid:{self.mid}")
            lines += credentials
        lines += [f"a=candidate:{candidate}" for candidate in self.candidates]
        if self.is_last:
            lines.append("a=end-of-candidates")
        return lines

    @property
    def text(self) -> str:
        """The body of a PATCH."""
        return "".join(f"{line}\r\n" for line in self.lines())

    def with_candidates(self, *candidates: Candidate | str) -> Fragment:
        """The same fragment with these candidates alone."""
        return replace(self, candidates=candidates)


def read_fragment(text: str) -> Description:
    """Reads a fragment: attributes, then pseudo m-lines with theirs. Raises `SdpError`."""
    if not text.endswith("\r\n"):
        raise SdpError("the last line does not end with CRLF")
    session: list[Attribute] = []
    media: list[tuple[tuple[str, int, str, tuple[str, ...]], list[Attribute]]] = []
    for line in text.removesuffix("\r\n").split("\r\n"):
        if line.startswith("m="):
            media.append((read_media_line(line[2:]), []))
        elif line.startswith("a="):
            (media[-1][1] if media else session).append(read_attribute(line[2:]))
        else:
            raise SdpError("a line of a fragment that is neither a= nor m=")
    return Description(tuple(session), tuple(Section(*m, tuple(a)) for m, a in media))


def credentials_in(description: Description) -> Credentials:
    """The one pair of credentials of a bundled description. Raises `SdpError`."""
    ufrags = set(description.everywhere("ice-ufrag"))
    pwds = set(description.everywhere("ice-pwd"))
    if len(ufrags) != 1 or len(pwds) != 1:
        raise SdpError(
            f"{len(ufrags)} different ice-ufrag and {len(pwds)} ice-pwd, where a bundle has one"
        )
    return Credentials(ufrags.pop(), pwds.pop())
