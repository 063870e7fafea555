"""ICE candidates and credentials as attributes (RFC 8839)."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

_ICE_CHARS = re.compile(r"^[A-Za-z0-9+/]+$")


class CandidateError(Exception):
    """A `candidate` attribute that does not follow RFC 8839 section 5.1."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A username fragment and a password (RFC 8839 section 5.4)."""

    ufrag: str
    pwd: str

    def flaw(self) -> str | None:
        """What the grammar forbids about them, or None."""
        for name, value, shortest in (("ice-ufrag", self.ufrag, 4), ("ice-pwd", self.pwd, 22)):
            if not shortest <= len(value) <= 256:
                return f"{name} has {len(value)} characters, not {shortest} to 256"
            if not _ICE_CHARS.match(value):
                return f"{name} has characters that are no ice-char"
        return None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One `a=candidate` line. `transport` is in lower case."""

    foundation: str
    component: int
    transport: str
    priority: int
    host: str
    port: int
    kind: str
    extensions: tuple[str, ...] = ()

    def __str__(self) -> str:
        fields = (self.foundation, self.component, self.transport, self.priority, self.host)
        return " ".join(map(str, (*fields, self.port, "typ", self.kind, *self.extensions)))

    @property
    def family(self) -> socket.AddressFamily | None:
        """The family of its address, None where its host is a name."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return None
        return socket.AF_INET if address.version == 4 else socket.AF_INET6

    @property
    def is_link_local(self) -> bool:
        """Its address means nothing without a zone."""
        return self.host.lower().startswith("fe80:")

    @property
    def is_usable(self) -> bool:
        """A client that only speaks UDP on one component can check it."""
        return self.transport == "udp" and self.component == 1 and self.family is not None


def read_candidate(text: str) -> Candidate:
    """What follows `a=candidate:`. Raises `CandidateError`."""
    parts = text.split(" ")
    if len(parts) < 8 or parts[6] != "typ":
        raise CandidateError("a candidate with fewer than eight fields or without typ")
    foundation, component, transport, priority, host, port, _, kind, *extensions = parts
    if not 1 <= len(foundation) <= 32 or not _ICE_CHARS.match(foundation):
        raise CandidateError("a candidate whose foundation is not 1 to 32 ice-chars")
    numbers = (component, priority, port)
    if not all(re.fullmatch(r"\d{1,10}", number) for number in numbers):
        raise CandidateError("a candidate whose component, priority or port is not a number")
    if not 1 <= int(component) <= 256:
        raise CandidateError("a candidate whose component is not 1 to 256")
    if not 1 <= int(priority) <= 2**31 - 1:
        raise CandidateError("a candidate whose priority is not 1 to 2^31 - 1")
    if not 0 <= int(port) <= 65535:
        raise CandidateError("a candidate whose port is not 0 to 65535")
    return Candidate(
        foundation,
        int(component),
        transport.lower(),
        int(priority),
        host,
        int(port),
        kind,
        tuple(extensions),
    )
