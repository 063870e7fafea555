"""The directory in Redis, as one instance keeps it.

This instance's memory (`_held`) is the truth for its sessions. While Redis answers, each change is
told as it happens. Once it does not, nobody waits for it any more: sessions are admitted by the
instance's own limit, and a loop tries every beat to publish the instance whole, under a new epoch.
The same happens where Redis answers, but has forgotten us.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog
from redis.exceptions import RedisError

from voicemedia_server.audit import AuditEntry, Happening, SessionFacts
from voicemedia_server.registry import scripts
from voicemedia_server.registry.backlog import Backlog
from voicemedia_server.registry.connection import Connection, heeding_cancellation
from voicemedia_server.registry.membership import Membership
from voicemedia_server.registry_port import (
    FleetFull,
    InstanceRecord,
    InstanceState,
    Noted,
    Operation,
    RegistryCounter,
    Result,
    SessionRecord,
)
from voicemedia_server.routing.decision import Decision
from voicemedia_server.sessions.sound import Transport

log = structlog.get_logger("registry")

PATIENCE_S = 0.5
"""For one operation in all, where it takes several round trips: asking a Sentinel, a cluster."""


BATCH_ENTRIES = 100
"""Of the audit, told at once: a long script would make others wait."""


Document = TypeVar("Document")


class Unreachable(Exception):
    """Redis did not answer, or not in time, or not sense."""


class Stale(Exception):
    """Redis does not know this epoch of ours; `known` is the one that it knows, if any."""

    def __init__(self, known: int = 0) -> None:
        super().__init__(f"the directory knows epoch {known}")
        self.known = known


class RedisRegistry:
    """`Registry` in Redis. `keep` must run for it to become reachable."""

    def __init__(
        self, connection: Connection, membership: Membership, counter: RegistryCounter
    ) -> None:
        self._connection = connection
        self._membership = membership
        self._counter = counter
        self._keys = scripts.Keys(membership.fleet)
        self._held: dict[str, SessionRecord] = {}
        self._changes = 0
        self._in_flight = 0
        self._epoch = 0
        self._is_reachable = False
        self._has_failed = False
        self._has_joined = False
        self._backlog = Backlog()

    @property
    def is_reachable(self) -> bool:
        """Redis answered last time, and knows what we hold."""
        return self._is_reachable

    # -- claims -----------------------------------------------------------------------------

    def record(
        self, label: str, transport: Transport, decision: Decision | None = None
    ) -> SessionRecord:
        """`Claims`."""
        return self._membership.record(label, transport, decision)

    async def claim(self, record: SessionRecord) -> None:
        """`Claims`. It is held before it is told, so that whatever is published has it."""
        self._note(record.label, record)
        if not self._is_reachable:
            return
        document, limit = record.encode(), self._membership.max_sessions
        try:
            said = await self._tell(Operation.CLAIM, scripts.CLAIM, record.label, document, limit)
        except (Unreachable, Stale):
            return
        if said[0] == scripts.FULL:
            await self.end(record.label)
            raise FleetFull

    async def end(self, label: str) -> None:
        """`Claims`."""
        self._note(label, None)
        if not self._is_reachable:
            return
        try:
            await self._tell(Operation.END, scripts.END, label)
        except (Unreachable, Stale):
            return

    def _note(self, label: str, record: SessionRecord | None) -> None:
        self._changes += 1
        if record is None:
            self._held.pop(label, None)
        else:
            self._held[label] = record

    def note(self, happening: Happening, session: SessionFacts | None = None) -> None:
        """`Claims`. Also while Redis is away: it is told later what there is room for."""
        self._backlog.put(self._membership.entry(happening, session).encode())

    # -- looking ----------------------------------------------------------------------------

    async def sessions(self) -> tuple[SessionRecord, ...]:
        """`Registry`."""
        try:
            found = read_all(SessionRecord.decode, await self._list("sessions"))
        except Unreachable:
            found = list(self._held.values())
        return tuple(sorted(found, key=lambda record: record.opened_unix_s))

    async def instances(self) -> tuple[InstanceRecord, ...]:
        """`Registry`."""
        try:
            found = read_all(InstanceRecord.decode, await self._list("instances"))
        except Unreachable:
            found = []
        return tuple(sorted(found, key=lambda record: record.id))

    async def _list(self, what: str) -> list[str]:
        if not self._is_reachable:
            raise Unreachable
        return await self._ask(Operation.LIST, scripts.LIST, what)

    async def audit(self, after: str = "", limit: int = 100) -> tuple[Noted, ...]:
        """`Registry`."""
        if not self._is_reachable:
            return ()
        try:
            said = await self._ask(Operation.AUDIT, scripts.AUDIT, after, limit)
        except Unreachable:
            return ()
        found = dict(zip(said[::2], said[1::2], strict=True))
        entries = {name: read_all(AuditEntry.decode, [text]) for name, text in found.items()}
        return tuple(Noted(name, entry) for name, [*read] in entries.items() for entry in read)

    async def choose(self, dice: Callable[[], float]) -> InstanceRecord | None:
        """`Registry`."""
        if not self._is_reachable:
            return None
        try:
            fresh_ms = int(self._membership.fresh_s * 1000)
            said = await self._ask(
                Operation.CHOOSE, scripts.CHOOSE, repr(dice()), repr(dice()), fresh_ms
            )
        except Unreachable:
            return None
        return InstanceRecord.decode(said[1]) if said[0] == scripts.DONE else None

    async def ask_to_end(self, label: str) -> bool:
        """`Registry`."""
        if not self._is_reachable:
            return False
        try:
            said = await self._ask(Operation.ASK, scripts.ASK, label)
        except Unreachable:
            return False
        return said[0] == scripts.DONE

    async def lead(self, for_s: float, memo: str = "") -> str | None:
        """`Registry`."""
        if not self._is_reachable:
            return None
        try:
            said = await self._tell(Operation.LEAD, scripts.LEAD, memo, int(for_s * 1000))
        except (Unreachable, Stale):
            return None
        return said[1] if len(said) > 1 else None

    # -- keeping ----------------------------------------------------------------------------

    async def keep(self, describe: Callable[[], InstanceState], end: Callable[[str], None]) -> None:
        """`Registry`."""
        while True:
            try:
                if self._is_reachable:
                    for label in await self._renew(describe()):
                        end(label)
                if not self._is_reachable:
                    await self._publish(describe)
                await self._tell_audit()
            except Stale as stale:
                self._epoch = max(self._epoch, stale.known)
            except Unreachable:
                pass  # counted, and logged once
            await asyncio.sleep(self._membership.beat_s)

    async def _renew(self, state: InstanceState) -> list[str]:
        """The sessions that others asked to end. Lost, when Redis knows fewer or more of ours
        than we hold, though nothing changed meanwhile."""
        changes, is_quiet = self._changes, not self._in_flight
        said = await self._tell(Operation.RENEW, scripts.RENEW, *self._described(state))
        is_quiet = is_quiet and changes == self._changes
        if is_quiet and int(said[1]) != len(self._held):
            self._lose("it lists other sessions than we hold")
        return said[2:]

    async def _publish(self, describe: Callable[[], InstanceState]) -> None:
        """Until what was published is what we hold."""
        await self._ask(Operation.JOIN, "return {'done'}")  # a frozen Redis is sent nothing more
        while not self._is_reachable:
            changes = self._changes
            self._epoch = max(self._epoch + 1, int(time.time() * 1000))
            records = [
                field for held in self._held.values() for field in (held.label, held.encode())
            ]
            await self._tell(Operation.JOIN, scripts.JOIN, *self._described(describe()), *records)
            self._is_reachable = changes == self._changes
        self._counter.registry_reachable(True)
        log.info("published in the registry", sessions=len(self._held), epoch=self._epoch)

        happening = Happening.PUBLISHED if self._has_joined else Happening.JOINED
        self._has_joined = True
        self._backlog.put(self._membership.entry(happening, epoch=self._epoch).encode())

    async def _tell_audit(self) -> None:
        """What happened here since the last time. Raises `Unreachable`; what was told just before
        Redis went away may then be told twice."""
        dropped, self._backlog.dropped = self._backlog.dropped, 0
        if dropped:
            log.warning("the registry was away too long for the audit", dropped=dropped)
        while True:
            batch, upto = self._backlog.next(BATCH_ENTRIES)
            if not batch:
                return
            await self._ask(Operation.NOTE, scripts.NOTE, *batch)
            self._backlog.told(upto)

    def _described(self, state: InstanceState) -> tuple[str, int, int]:
        """What follows id and epoch when an instance is told: its document, its lease, and its
        free places."""
        record = InstanceRecord(self._membership.instance, self._epoch, state)
        return record.encode(), int(self._membership.lease_s * 1000), state.free_places

    async def leave(self) -> None:
        """`Registry`. Closes the connection."""
        try:
            if self._is_reachable:
                self.note(Happening.LEFT)
                await self._tell_audit()
                await self._tell(Operation.LEAVE, scripts.LEAVE)
        except (Unreachable, Stale):
            log.warning("left without a word: the lease will end by itself")
        finally:
            self._is_reachable = False
            await self._connection.close()

    # -- asking -----------------------------------------------------------------------------

    async def _tell(self, operation: Operation, script: str, *rest: str | int) -> list[str]:
        """A change of ours, under our epoch. Raises `Stale` and `Unreachable`."""
        epoch = self._epoch
        said = await self._ask(operation, script, self._membership.instance, epoch, *rest)
        if said[0] == scripts.STALE:
            if epoch == self._epoch:
                self._lose("it has forgotten us")
            raise Stale(int(said[1]) if len(said) > 1 else 0)
        return said

    async def _ask(self, operation: Operation, script: str, *arguments: str | int) -> list[str]:
        """Raises `Unreachable`, after which nobody waits for Redis until it is back."""
        began_s = time.perf_counter()
        result = Result.UNREACHABLE
        keys = self._keys.all
        self._in_flight += 1
        try:
            with heeding_cancellation():
                async with asyncio.timeout(PATIENCE_S):
                    said = await self._connection.client.eval(script, len(keys), *keys, *arguments)
            answer = [str(part) for part in said]
            result = _OUTCOMES.get(answer[0], Result.DONE) if answer else Result.DONE
        except (RedisError, OSError, TimeoutError) as failure:
            self._lose(type(failure).__name__)
            raise Unreachable from failure
        finally:
            self._in_flight -= 1
            self._counter.registry_asked(operation, result, time.perf_counter() - began_s)
        self._has_failed = False
        return answer

    def _lose(self, why: str) -> None:
        if self._is_reachable or not self._has_failed:
            log.warning("the registry is lost; calls go on, our own limit admits", reason=why)
        self._has_failed = True
        self._is_reachable = False
        self._counter.registry_reachable(False)


def read_all(decode: Callable[[str], Document], texts: Sequence[str]) -> list[Document]:
    """Those that can be read: a newer instance may write what an older one does not know."""
    found = []
    for text in texts:
        try:
            found.append(decode(text))
        except ValueError as failure:
            log.warning("a record cannot be read and is passed over", fault=str(failure))
    return found


_OUTCOMES = {scripts.FULL: Result.FULL, scripts.STALE: Result.STALE}
