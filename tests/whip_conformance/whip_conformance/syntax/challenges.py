"""`WWW-Authenticate` (RFC 9110 section 11.6.1) and what RFC 6750 section 3 puts into it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from whip_conformance.syntax.fields import FieldError, Scanner

_TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge; scheme and parameter names are in lower case."""

    scheme: str
    parameters: tuple[tuple[str, str], ...]

    def value(self, name: str) -> str | None:
        return next((value for known, value in self.parameters if known == name), None)


def _is_at_parameter(scanner: Scanner) -> bool:
    return re.match(r"[^\s=,\"]+[ \t]*=[ \t]*[^\s=,]", scanner.text[scanner.at :]) is not None


def read_challenges(values: list[str]) -> tuple[Challenge, ...]:
    """The challenges of all fields of a message. Raises `FieldError`."""
    challenges: list[Challenge] = []
    for text in values:
        scanner = Scanner(text)
        while True:
            scanner.space()
            while scanner.take(","):
                scanner.space()
            if scanner.is_at_end:
                break
            challenges.append(_read_challenge(scanner))
    return tuple(challenges)


def _read_challenge(scanner: Scanner) -> Challenge:
    scheme = scanner.token().lower()
    scanner.space()
    token68 = _TOKEN68.match(scanner.text, scanner.at)
    if token68 is not None and not _is_at_parameter(scanner):
        scanner.at = token68.end()
        return Challenge(scheme, ())
    parameters: list[tuple[str, str]] = []
    while not scanner.is_at_end and scanner.peek() != ",":
        name = scanner.token().lower()
        scanner.space()
        scanner.expect("=")
        scanner.space()
        parameters.append((name, scanner.value()))
        scanner.space()
        after = scanner.at
        if scanner.take(","):
            scanner.space()
            if not _is_at_parameter(scanner):
                scanner.at = after
                break
        elif not scanner.is_at_end:
            raise FieldError(f"',' expected at position {scanner.at}")
    return Challenge(scheme, tuple(parameters))
