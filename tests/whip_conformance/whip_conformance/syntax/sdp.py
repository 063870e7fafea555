"""SDP (RFC 8866) as it stands in a WHIP answer: a strict reader that names what is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SESSION_ORDER = "vosiuepcbtrzka"  # RFC 8866 section 5; t, r, z may repeat as a group
_TOKEN = re.compile(r"^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$")
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


class SdpError(Exception):
    """The text is not SDP; the message says why and holds no more than the line's type."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One `a=` line; `value` is None for a property attribute such as `rtcp-mux`."""

    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One `m=` section."""

    kind: str
    port: int
    profile: str
    formats: tuple[str, ...]
    attributes: tuple[Attribute, ...]

    def values(self, name: str) -> tuple[str, ...]:
        """The values of every attribute of this name, in order; "" for a property attribute."""
        return tuple(a.value or "" for a in self.attributes if a.name == name)

    def value(self, name: str) -> str | None:
        """The value of the first attribute of this name, or None."""
        return next(iter(self.values(name)), None)

    def has(self, name: str) -> bool:
        """Whether there is an attribute of this name."""
        return any(a.name == name for a in self.attributes)

    @property
    def mid(self) -> str | None:
        """The identification tag (RFC 5888)."""
        return self.value("mid")

    @property
    def directions(self) -> tuple[str, ...]:
        """The direction attributes written in this section; exactly one is to be expected."""
        return tuple(a.name for a in self.attributes if a.name in DIRECTIONS)

    @property
    def is_rejected(self) -> bool:
        """Port 0 without bundle-only (RFC 9143 section 6)."""
        return self.port == 0 and not self.has("bundle-only")


@dataclass(frozen=True, slots=True)
class Description:
    """A whole session description."""

    attributes: tuple[Attribute, ...]
    media: tuple[Section, ...]

    def session_values(self, name: str) -> tuple[str, ...]:
        """The values of every session-level attribute of this name."""
        return tuple(a.value or "" for a in self.attributes if a.name == name)

    def everywhere(self, name: str) -> tuple[str, ...]:
        """The values of every attribute of this name, session level first."""
        values = list(self.session_values(name))
        for section in self.media:
            values += section.values(name)
        return tuple(values)

    def for_section(self, section: Section, name: str) -> str | None:
        """The section's value, or else the session's (RFC 8839, RFC 8122)."""
        value = section.value(name)
        return value if value is not None else next(iter(self.session_values(name)), None)

    @property
    def bundle(self) -> tuple[str, ...]:
        """The mids of the BUNDLE group (RFC 9143), empty where there is none."""
        for group in self.session_values("group"):
            semantics, *mids = group.split()
            if semantics == "BUNDLE":
                return tuple(mids)
        return ()

    @property
    def is_ice_lite(self) -> bool:
        """The sender of this description is ICE-lite (RFC 8839 section 5.3)."""
        return any(a.name == "ice-lite" for a in self.attributes)


def read_attribute(text: str) -> Attribute:
    """What follows `a=`. Raises `SdpError`."""
    name, colon, value = text.partition(":")
    if not _TOKEN.match(name):
        raise SdpError("an attribute whose name is not a token")
    return Attribute(name, value if colon else None)


def read_media_line(text: str) -> tuple[str, int, str, tuple[str, ...]]:
    """What follows `m=`: kind, port, profile, formats. Raises `SdpError`."""
    parts = text.split(" ")
    if len(parts) < 4 or not all(parts):
        raise SdpError("an m= line with fewer than four fields or with doubled spaces")
    kind, port, profile, *formats = parts
    if not re.fullmatch(r"\d{1,5}", port) or int(port) > 65535:
        raise SdpError("an m= line whose port is not a number of 0 to 65535")
    return kind, int(port), profile, tuple(formats)


def _check_session_lines(types: list[str]) -> None:
    for wanted in "vost":
        if wanted not in types:
            raise SdpError(f"no {wanted}= line")
    if types[0] != "v":
        raise SdpError("v= is not the first line")
    ranks = [_SESSION_ORDER.index(t) for t in types]
    if ranks != sorted(ranks):
        raise SdpError("session-level lines out of order")


def read_description(text: str) -> Description:
    """Reads SDP strictly: CRLF, order of lines, `v=0`. Raises `SdpError`."""
    if not text.endswith("\r\n"):
        raise SdpError("the last line does not end with CRLF")
    lines = text.removesuffix("\r\n").split("\r\n")
    session_types: list[str] = []
    session: list[Attribute] = []
    media: list[tuple[tuple[str, int, str, tuple[str, ...]], list[Attribute]]] = []
    for line in lines:
        if not re.match(r"^[a-z]=[^\r\n\0]+$", line):
            raise SdpError("a line that is not of the form type=value")
        kind, value = line[0], line[2:]
        if kind == "m":
            media.append((read_media_line(value), []))
        elif media:
            if kind not in "icbka":
                raise SdpError(f"a {kind}= line inside a media section")
            if kind == "a":
                media[-1][1].append(read_attribute(value))
        else:
            if kind not in _SESSION_ORDER:
                raise SdpError(f"an unknown line type {kind}=")
            session_types.append(kind)
            if kind == "a":
                session.append(read_attribute(value))
    _check_session_lines(session_types)
    if lines[0] != "v=0":
        raise SdpError("the version is not 0")
    sections = tuple(Section(*line, tuple(attributes)) for line, attributes in media)
    return Description(tuple(session), sections)
