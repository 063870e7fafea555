"""What happened in a fleet, as documents: who came and went, which sessions began, how they ended.

Never an address, a token or SDP: a session is named by its label, which gives no right to it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from voicemedia_rollout.document import Variant
from voicemedia_server.routing.outcome import Outcome
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.sessions.sound import Transport

CAPACITY_ENTRIES = 10_000
"""As many of a fleet are kept; then the oldest go."""


class Happening(StrEnum):
    """What an entry is about."""

    OPENED = "opened"  # a session
    ENDED = "ended"  # a session, for a reason, with an outcome
    ASKED = "asked"  # somebody commanded that a session end
    JOINED = "joined"  # an instance, for the first time since it started
    PUBLISHED = "published"  # an instance published itself anew, under a higher epoch
    LEFT = "left"  # an instance, of itself
    LOST = "lost"  # an instance whose lease ended unrenewed


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """The session that an entry is about; `None` for what does not belong to the happening."""

    label: str
    transport: Transport | None = None
    variant: Variant | None = None
    reason: CloseReason | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One happening. `instance` is the one that tells it, or that is lost; `epoch` the one under
    which it joined or published itself."""

    happening: Happening
    instance: str
    at_unix_s: float
    session: SessionFacts | None = None
    epoch: int | None = None

    def describe(self) -> dict[str, Any]:
        """The members that are known; those of the session stand beside the others."""
        document = asdict(self)
        document |= document.pop("session") or {}
        return {name: value for name, value in document.items() if value is not None}

    def encode(self) -> str:
        """The document."""
        return json.dumps(self.describe(), separators=(",", ":"), sort_keys=True)

    @classmethod
    def decode(cls, text: str) -> Self:
        """Raises `ValueError` for what is no such document; members that are new are passed
        over."""
        found = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError("an entry of the audit is a JSON object")
        try:
            return cls(
                Happening(found["happening"]),
                str(found["instance"]),
                float(found["at_unix_s"]),
                _session(found) if "label" in found else None,
                int(found["epoch"]) if "epoch" in found else None,
            )
        except (KeyError, TypeError) as failure:
            raise ValueError("an entry of the audit lacks a member") from failure


def _session(found: dict[str, Any]) -> SessionFacts:
    return SessionFacts(
        str(found["label"]),
        Transport(found["transport"]) if "transport" in found else None,
        Variant(found["variant"]) if "variant" in found else None,
        CloseReason(found["reason"]) if "reason" in found else None,
        Outcome(found["outcome"]) if "outcome" in found else None,
    )
