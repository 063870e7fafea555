"""Entity-tags (RFC 9110 section 8.8.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ENTITY_TAG = re.compile(r'^(W/)?"([\x21\x23-\x7e\x80-\xff]*)"$')


class EntityTagError(Exception):
    """The text is not an entity-tag."""


@dataclass(frozen=True, slots=True)
class EntityTag:
    """`opaque` is what stands between the quotes."""

    opaque: str
    is_weak: bool = False

    def __str__(self) -> str:
        return f'{"W/" if self.is_weak else ""}"{self.opaque}"'


def read_entity_tag(text: str) -> EntityTag:
    """The value of an `ETag` header. Raises `EntityTagError`."""
    match = _ENTITY_TAG.match(text)
    if match is None:
        raise EntityTagError("it is not an entity-tag: no quotes, or characters out of range")
    return EntityTag(match[2], is_weak=match[1] is not None)
