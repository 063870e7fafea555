"""Who an instance is in its fleet, and the times that it keeps there."""

from __future__ import annotations

import time
from dataclasses import dataclass

from voicemedia_server.audit import AuditEntry, Happening, SessionFacts
from voicemedia_server.registry_port import SessionRecord
from voicemedia_server.routing.decision import Decision
from voicemedia_server.sessions.sound import Transport


@dataclass(frozen=True, slots=True)
class Membership:
    """`instance` names it; `max_sessions` is the fleet's limit, 0 for none.

    A lease lasts `lease_s` and is renewed every `beat_s`. That is also how soon a directory that
    came back, or lost what it knew, is put right, and how soon somebody who was asked to end a
    session hears of it. One small script a second costs Redis nothing that could be measured.
    """

    fleet: str
    instance: str
    max_sessions: int = 0
    lease_s: float = 15.0
    beat_s: float = 1.0

    @property
    def fresh_s(self) -> float:
        """What is left of the lease of an instance that missed no more than three beats."""
        return self.lease_s - 3 * self.beat_s

    def record(
        self, label: str, transport: Transport, decision: Decision | None = None
    ) -> SessionRecord:
        """A session of this instance, opened now."""
        return SessionRecord(label, self.instance, transport, round(time.time(), 3), decision)

    def entry(
        self, happening: Happening, session: SessionFacts | None = None, epoch: int | None = None
    ) -> AuditEntry:
        """Something that happened at this instance now."""
        return AuditEntry(happening, self.instance, round(time.time(), 3), session, epoch)
