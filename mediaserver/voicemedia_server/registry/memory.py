"""The directory in the memory of this process: the default, and the specification of the other.

Several instances of one process may share a `MemoryDirectory`, as tests do.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from voicemedia_server.audit import CAPACITY_ENTRIES, AuditEntry, Happening, SessionFacts
from voicemedia_server.registry.membership import Membership
from voicemedia_server.registry_port import (
    FleetFull,
    InstanceRecord,
    InstanceState,
    Noted,
    SessionRecord,
)
from voicemedia_server.routing.decision import Decision
from voicemedia_server.sessions.sound import Transport


@dataclass(slots=True)
class MemoryDirectory:
    """What a fleet knows of itself. `leases_s`: when each instance's ends; `memo`: what a leader
    left for the next; `free`: the places of those who have some for clients that others send;
    `noted`: how often something was noted in the audit."""

    instances: dict[str, InstanceRecord] = field(default_factory=dict)
    leases_s: dict[str, float] = field(default_factory=dict)
    sessions: dict[str, SessionRecord] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    leader: str | None = None
    leads_until_s: float = 0.0
    memo: str = ""
    free: dict[str, int] = field(default_factory=dict)
    audit: deque[Noted] = field(default_factory=lambda: deque(maxlen=CAPACITY_ENTRIES))
    noted: int = 0

    def note(self, entry: AuditEntry) -> None:
        """Adds to the audit, the oldest entry goes when it is full."""
        self.noted += 1
        self.audit.append(Noted(f"{self.noted}-0", entry))

    def forget(self, instance: str) -> None:
        """Takes an instance and what it holds off the list."""
        self.instances.pop(instance, None)
        self.leases_s.pop(instance, None)
        self.free.pop(instance, None)
        if self.leader == instance:
            self.leader = None
        for label in [s.label for s in self.sessions.values() if s.instance == instance]:
            del self.sessions[label]
            self.asked.discard(label)

    def change_free(self, instance: str, places: int) -> None:
        """Of one that has some: takes places, or gives them back."""
        if instance in self.free:
            self.set_free(instance, self.free[instance] + places)

    def set_free(self, instance: str, places: int) -> None:
        """One without free places is not among those to choose from."""
        self.free.pop(instance, None)
        if places > 0:
            self.free[instance] = places

    def sweep(self, now_s: float) -> None:
        """Forgets those whose lease is over."""
        for instance in [i for i, until_s in self.leases_s.items() if until_s < now_s]:
            self.forget(instance)
            self.note(AuditEntry(Happening.LOST, instance, round(time.time(), 3)))


class MemoryRegistry:
    """`Registry` that is always reachable."""

    def __init__(
        self,
        membership: Membership,
        directory: MemoryDirectory | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._membership = membership
        self._directory = directory or MemoryDirectory()
        self._clock_s = clock_s
        self._held: dict[str, SessionRecord] = {}
        self._epoch = 0

    @property
    def is_reachable(self) -> bool:
        """Always."""
        return True

    def record(
        self, label: str, transport: Transport, decision: Decision | None = None
    ) -> SessionRecord:
        """`Claims`."""
        return self._membership.record(label, transport, decision)

    async def claim(self, record: SessionRecord) -> None:
        """`Claims`."""
        directory = self._swept()
        limit = self._membership.max_sessions
        if limit and len(directory.sessions) >= limit:
            raise FleetFull
        self._held[record.label] = directory.sessions[record.label] = record
        directory.change_free(self._membership.instance, -1)

    async def end(self, label: str) -> None:
        """`Claims`."""
        self._held.pop(label, None)
        held = self._directory.sessions.get(label)
        if held is not None and held.instance == self._membership.instance:
            del self._directory.sessions[label]
            self._directory.asked.discard(label)
            self._directory.change_free(self._membership.instance, 1)

    async def sessions(self) -> tuple[SessionRecord, ...]:
        """`Registry`."""
        found = self._swept().sessions.values()
        return tuple(sorted(found, key=lambda record: record.opened_unix_s))

    async def instances(self) -> tuple[InstanceRecord, ...]:
        """`Registry`."""
        found = self._swept().instances
        return tuple(found[name] for name in sorted(found))

    def note(self, happening: Happening, session: SessionFacts | None = None) -> None:
        """`Claims`."""
        self._directory.note(self._membership.entry(happening, session))

    async def audit(self, after: str = "", limit: int = 100) -> tuple[Noted, ...]:
        """`Registry`."""
        found = self._swept().audit
        if not after:
            return tuple(found)[-limit:]
        later = (noted for noted in found if _place(noted.id) > _place(after))
        return tuple(islice(later, limit))

    async def choose(self, dice: Callable[[], float]) -> InstanceRecord | None:
        """`Registry`."""
        directory = self._swept()
        fresh_s = self._clock_s() + self._membership.fresh_s
        ranked = sorted(
            (places, instance)
            for instance, places in directory.free.items()
            if directory.leases_s[instance] >= fresh_s
        )
        if not ranked:
            return None
        first = int(dice() * len(ranked))
        second = (first + 1 + int(dice() * (len(ranked) - 1))) % len(ranked)
        return directory.instances[ranked[max(first, second)][1]]

    async def ask_to_end(self, label: str) -> bool:
        """`Registry`."""
        directory = self._swept()
        if label not in directory.sessions:
            return False
        directory.asked.add(label)
        return True

    async def lead(self, for_s: float, memo: str = "") -> str | None:
        """`Registry`."""
        directory, instance = self._swept(), self._membership.instance
        now_s = self._clock_s()
        is_led = directory.leader not in (None, instance) and now_s < directory.leads_until_s
        if instance not in directory.instances or is_led:
            return None
        directory.leader = instance
        directory.leads_until_s = now_s + for_s
        directory.memo = memo or directory.memo
        return directory.memo

    async def keep(self, describe: Callable[[], InstanceState], end: Callable[[str], None]) -> None:
        """`Registry`."""
        while True:
            self.join(describe())
            for label in sorted(self._directory.asked & self._held.keys()):
                self._directory.asked.discard(label)
                end(label)
            await asyncio.sleep(self._membership.beat_s)

    def join(self, state: InstanceState) -> None:
        """Takes or renews its lease, once."""
        directory, instance = self._swept(), self._membership.instance
        if instance not in directory.instances:
            happening = Happening.PUBLISHED if self._epoch else Happening.JOINED
            self._epoch += 1
            directory.sessions |= self._held
            directory.note(self._membership.entry(happening, epoch=self._epoch))
        directory.instances[instance] = InstanceRecord(instance, self._epoch, state)
        directory.set_free(instance, state.free_places)
        directory.leases_s[instance] = self._clock_s() + self._membership.lease_s

    def _swept(self) -> MemoryDirectory:
        self._directory.sweep(self._clock_s())
        return self._directory

    async def leave(self) -> None:
        """`Registry`."""
        self._held.clear()
        if self._membership.instance in self._directory.instances:
            self.note(Happening.LEFT)
        self._directory.forget(self._membership.instance)


def _place(noted_id: str) -> tuple[int, int]:
    first, _, second = noted_id.partition("-")
    return int(first), int(second or 0)
