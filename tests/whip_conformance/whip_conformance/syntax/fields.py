"""The building blocks of HTTP fields (RFC 9110 section 5.6): tokens, quoted strings, lists."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_SPACE = re.compile(r"[ \t]*")
_QUOTED = re.compile(r'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"')


class FieldError(Exception):
    """A field value that does not follow its grammar; the message says what was expected."""


class Scanner:
    """Reads a field value from left to right."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def is_at_end(self) -> bool:
        return self.at >= len(self.text)

    def peek(self) -> str:
        """The next character, "" at the end."""
        return self.text[self.at : self.at + 1]

    def space(self) -> None:
        """Skips optional white space."""
        match = _SPACE.match(self.text, self.at)
        assert match is not None, "white space of length 0 matches everywhere"
        self.at = match.end()

    def take(self, character: str) -> bool:
        """Skips `character` if it comes next."""
        if self.peek() != character:
            return False
        self.at += 1
        return True

    def expect(self, character: str) -> None:
        """Skips `character`. Raises `FieldError` where another one comes next."""
        if not self.take(character):
            raise FieldError(f"{character!r} expected at position {self.at}")

    def token(self) -> str:
        """Raises `FieldError` where no token comes next."""
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            raise FieldError(f"a token expected at position {self.at}")
        self.at = match.end()
        return match[0]

    def quoted(self) -> str:
        """A quoted string, unescaped. Raises `FieldError`."""
        match = _QUOTED.match(self.text, self.at)
        if match is None:
            raise FieldError(f"a quoted string expected at position {self.at}")
        self.at = match.end()
        return re.sub(r"\\(.)", r"\1", match[0][1:-1])

    def value(self) -> str:
        """A token or a quoted string. Raises `FieldError`."""
        return self.quoted() if self.peek() == '"' else self.token()

    def until(self, character: str) -> str:
        """Everything up to `character`, which is skipped. Raises `FieldError` without one."""
        end = self.text.find(character, self.at)
        if end < 0:
            raise FieldError(f"{character!r} expected after position {self.at}")
        taken, self.at = self.text[self.at : end], end + 1
        return taken


def read_list(values: list[str]) -> frozenset[str]:
    """The members of a comma-separated list of tokens, in lower case."""
    members = (member.strip().lower() for value in values for member in value.split(","))
    return frozenset(member for member in members if member)


def read_media_type(value: str | None) -> str | None:
    """The type without its parameters, in lower case."""
    return None if value is None else value.partition(";")[0].strip().lower()


def read_retry_after_s(value: str) -> int:
    """Seconds to wait (RFC 9110 section 10.2.3), 0 for a date gone by. Raises `FieldError`."""
    if re.fullmatch(r"\d+", value):
        return int(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        raise FieldError("Retry-After is neither seconds nor an HTTP date") from None
    return max(0, round((moment - datetime.now(UTC)).total_seconds()))
