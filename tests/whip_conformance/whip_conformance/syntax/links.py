"""`Link` fields, read by the letter of RFC 8288, and the URIs of ICE servers (RFC 7064, 7065)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from whip_conformance.syntax.fields import FieldError, Scanner

_DNS_NAME = r"[A-Za-z0-9\-._]+"
_HOST = rf"(?:\[[0-9A-Fa-f:.]+\]|{_DNS_NAME})"
_STUN_URI = re.compile(rf"^stuns?:{_HOST}(?::\d+)?$", re.IGNORECASE)
_TURN_URI = re.compile(
    rf"^turns?:{_HOST}(?::\d+)?(?:\?transport=(?:udp|tcp|[A-Za-z0-9\-._~]+))?$", re.IGNORECASE
)
_ABSOLUTE_URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"]+$")
_REGISTERED_RELATION = re.compile(r"^[a-z][a-z0-9.\-]*$")


@dataclass(frozen=True, slots=True)
class Link:
    """One link: its target as written and its parameters, names in lower case."""

    target: str
    parameters: tuple[tuple[str, str | None], ...]

    def value(self, name: str) -> str | None:
        """The first parameter of this name; RFC 8288 has parsers ignore the others."""
        return next((value for known, value in self.parameters if known == name), None)

    @property
    def relations(self) -> tuple[str, ...]:
        """The relation types, from the first `rel` alone."""
        return tuple((self.value("rel") or "").split())


def _read_parameters(scanner: Scanner) -> tuple[tuple[str, str | None], ...]:
    parameters: list[tuple[str, str | None]] = []
    scanner.space()
    while scanner.take(";"):
        scanner.space()
        if scanner.is_at_end or scanner.peek() in ",;":
            continue
        name = scanner.token().lower()
        scanner.space()
        value = None
        if scanner.take("="):
            scanner.space()
            value = scanner.value()
        parameters.append((name, value))
        scanner.space()
    return tuple(parameters)


def read_links(values: list[str]) -> tuple[Link, ...]:
    """The links of all `Link` fields of a message. Raises `FieldError`."""
    links: list[Link] = []
    for text in values:
        scanner = Scanner(text)
        while True:
            scanner.space()
            while scanner.take(","):
                scanner.space()
            if scanner.is_at_end:
                break
            scanner.expect("<")
            target = scanner.until(">")
            links.append(Link(target, _read_parameters(scanner)))
            scanner.space()
            if not scanner.is_at_end and scanner.peek() != ",":
                raise FieldError(f"',' or ';' expected at position {scanner.at}")
    return tuple(links)


def relation_flaw(relation: str) -> str | None:
    """What is wrong with a relation type (RFC 8288 section 2.1), or None."""
    if _REGISTERED_RELATION.match(relation) or _ABSOLUTE_URI.match(relation):
        return None
    return f"the relation type {relation!r} is neither a registered name nor an absolute URI"


def ice_server_flaw(link: Link) -> str | None:
    """What is wrong with a link of relation `ice-server` (RFC 9725 section 4.6), or None."""
    scheme = link.target.partition(":")[0].lower()
    has_credentials = link.value("username") is not None or link.value("credential") is not None
    if scheme in ("stun", "stuns"):
        if not _STUN_URI.match(link.target):
            return "its target is not a STUN URI of RFC 7064"
        return "a STUN server needs no credentials" if has_credentials else None
    if scheme not in ("turn", "turns"):
        return f"its target has the scheme {scheme!r}, not stun, stuns, turn or turns"
    if not _TURN_URI.match(link.target):
        return "its target is not a TURN URI of RFC 7065 (is its `?` escaped?)"
    kind = link.value("credential-type") or "password"
    if kind != "password":
        return f"its credential-type {kind!r} is not `password`"
    if not link.value("username") or not link.value("credential"):
        return "a TURN server needs a username and a credential"
    return None
