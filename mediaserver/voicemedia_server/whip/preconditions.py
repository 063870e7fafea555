"""Entity-tags of ICE sessions: `If-Match` on PATCH (RFC 9725 section 4.3.1, RFC 9110 13.1.1)."""

from __future__ import annotations

import re
from enum import Enum

from voicemedia_server.sessions.refusals import (
    PreconditionFailed,
    PreconditionRequired,
    Refusal,
    RefusalReason,
)

LIST_MEMBER = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|\Z)')
EMPTY_MEMBER = re.compile(r"\s*,")  # to be ignored: RFC 9110 section 5.6.1.2


class Match(Enum):
    """What `If-Match` names."""

    ANY = "any"
    CURRENT = "current"


class IfMatchMalformed(Refusal):
    """`If-Match` is neither `*` nor a list of entity-tags."""

    status = 400
    reason = RefusalReason.BAD_REQUEST
    title = "If-Match cannot be read"


def check_if_match(header: str | None, current: str) -> Match:
    """Whether a PATCH may go on. `current` is the opaque tag, without quotes.

    `"*"` in quotes counts as `*`, since the RFC's own example prints it so. Weak tags never
    match (strong comparison). Raises `PreconditionRequired`, `PreconditionFailed`, or
    `IfMatchMalformed`.
    """
    if header is None or not header.strip():
        raise PreconditionRequired("Send If-Match with the entity-tag of the session, or *.")
    if header.strip() in ("*", '"*"'):
        return Match.ANY
    position = 0
    tags: list[tuple[bool, str]] = []
    while position < len(header):
        empty = EMPTY_MEMBER.match(header, position)
        if empty is not None:
            position = empty.end()
            continue
        member = LIST_MEMBER.match(header, position)
        if member is None:
            raise IfMatchMalformed('An entity-tag stands in quotes: If-Match: "tag".')
        tags.append((member.group(1) is not None, member.group(2)))
        position = member.end()
    if not tags:
        raise IfMatchMalformed("If-Match lists no entity-tag.")
    if (False, current) in tags:
        return Match.CURRENT
    raise PreconditionFailed("The entity-tag is not that of the current ICE session.")
