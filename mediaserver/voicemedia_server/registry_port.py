"""What is known of a fleet: instances, the sessions that they hold, and who keeps the list.

The list is a directory, not the truth: each instance's memory is the truth for its own sessions
(docs/decisions/0009). The records are documents, with one form for all that keep and read them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Protocol, Self

from voicemedia_rollout.document import Variant
from voicemedia_rollout.figures import Report
from voicemedia_server.audit import AuditEntry, Happening, SessionFacts
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.sessions.sound import Transport


class Operation(StrEnum):
    """What a registry is asked."""

    JOIN = "join"
    RENEW = "renew"
    CLAIM = "claim"
    END = "end"
    LIST = "list"
    LEAD = "lead"
    ASK = "ask"
    CHOOSE = "choose"
    NOTE = "note"
    AUDIT = "audit"
    LEAVE = "leave"


class Result(StrEnum):
    """How it went."""

    DONE = "done"
    FULL = "full"  # the fleet has no place left
    STALE = "stale"  # the directory knows another epoch of this instance, or none
    UNREACHABLE = "unreachable"


class FleetFull(Exception):
    """The fleet holds as many sessions as it may."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One session in the directory. The label only: its whole id is a capability. `decision` is
    what the session was born with, `None` for clients that never asked for one."""

    label: str
    instance: str
    transport: Transport
    opened_unix_s: float
    decision: Decision | None = None

    def encode(self) -> str:
        """The document: the decision's members stand beside those of the session."""
        document = asdict(self)
        document |= document.pop("decision") or {}
        return json.dumps(document, separators=(",", ":"), sort_keys=True)

    @classmethod
    def decode(cls, text: str) -> Self:
        """Raises `ValueError` for what is no such document; members that are new are passed
        over, so that an older reader understands a newer writer."""
        found = _object(text)
        try:
            return cls(
                str(found["label"]),
                str(found["instance"]),
                Transport(found["transport"]),
                float(found["opened_unix_s"]),
                _decision(found) if "variant" in found else None,
            )
        except (KeyError, TypeError) as failure:
            raise ValueError("a session's record lacks a member") from failure


@dataclass(frozen=True, slots=True)
class InstanceState:
    """What an instance tells of itself with every renewal. `url`: where its clients go; `report`:
    how its sessions of late went, under the revision of the flags that it goes by; `is_public`:
    clients that asked another instance may be sent there."""

    url: str
    version: str
    max_sessions: int
    sessions: int
    is_draining: bool
    report: Report | None = None
    is_public: bool = False

    @property
    def free_places(self) -> int:
        """How many new sessions others may send; 0 for one that takes none."""
        if self.is_draining or not self.is_public:
            return 0
        return max(0, self.max_sessions - self.sessions)


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """One instance in the directory. `epoch` rises whenever it publishes itself anew."""

    id: str
    epoch: int
    state: InstanceState

    def encode(self) -> str:
        """The document."""
        report = self.state.report.encode() if self.state.report else None
        state = asdict(replace(self.state, report=None)) | {"report": report}
        document = {"id": self.id, "epoch": self.epoch, **state}
        return json.dumps(document, separators=(",", ":"), sort_keys=True)

    @classmethod
    def decode(cls, text: str) -> Self:
        """Raises `ValueError`, as `SessionRecord.decode` does."""
        found = _object(text)
        try:
            state = InstanceState(
                str(found["url"]),
                str(found["version"]),
                int(found["max_sessions"]),
                int(found["sessions"]),
                bool(found["is_draining"]),
                Report.decode(found["report"]) if found.get("report") else None,
                bool(found.get("is_public", False)),
            )
            return cls(str(found["id"]), int(found["epoch"]), state)
        except (KeyError, TypeError) as failure:
            raise ValueError("an instance's record lacks a member") from failure


def _decision(found: dict[str, Any]) -> Decision:
    tenant = found.get("tenant")
    return Decision(
        Variant(found["variant"]),
        DecisionReason(found["reason"]),
        int(found["revision"]),
        None if tenant is None else str(tenant),
    )


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("a record is a JSON object")
    return found


@dataclass(frozen=True, slots=True)
class Noted:
    """An entry of the audit with its place there: later ones have higher ids."""

    id: str
    entry: AuditEntry


class Claims(Protocol):
    """What the service needs of a registry."""

    async def claim(self, record: SessionRecord) -> None:
        """Takes a place in the fleet. Raises `FleetFull`; admits while the directory is down."""

    async def end(self, label: str) -> None:
        """Gives the place back. Never fails: what is not told now is put right later."""

    def record(
        self, label: str, transport: Transport, decision: Decision | None = None
    ) -> SessionRecord:
        """A record of this instance, opened now."""

    def note(self, happening: Happening, session: SessionFacts | None = None) -> None:
        """Something happened here, now: it is told to the audit at the next renewal."""


class Registry(Claims, Protocol):
    """One instance's view of its fleet."""

    @property
    def is_reachable(self) -> bool:
        """The directory answered last time."""

    async def sessions(self) -> tuple[SessionRecord, ...]:
        """Sessions of the whole fleet, oldest first; of this instance while it is unreachable."""

    async def instances(self) -> tuple[InstanceRecord, ...]:
        """Instances with a lease, by id; none while it is unreachable."""

    async def audit(self, after: str = "", limit: int = 100) -> tuple[Noted, ...]:
        """What happened in the fleet, the oldest first: the newest `limit` entries, or those that
        follow the id `after`, which is of the form of a Redis stream. None while it is
        unreachable."""

    async def choose(self, dice: Callable[[], float]) -> InstanceRecord | None:
        """An instance for a new session: of two that `dice` picks among those with free places,
        the one that has more. `dice` gives numbers from 0 up to, but not including, 1. `None`
        where nobody has one, or nobody can be asked."""

    async def ask_to_end(self, label: str) -> bool:
        """Asks the instance that holds the session to end it, at its next renewal.
        False where nobody holds it, or nobody can be asked."""

    async def lead(self, for_s: float, memo: str = "") -> str | None:
        """Leads the fleet for so long, if nobody else does; less where it leaves or its lease
        ends. `memo` stays for whoever leads next, ten times as long. Returns the memo that stands
        there, empty at first; `None` where another leads, or nobody can know."""

    async def keep(self, describe: Callable[[], InstanceState], end: Callable[[str], None]) -> None:
        """Joins, renews the lease and puts the directory right, until cancelled. `end` is called
        with each label that another instance asked for."""

    async def leave(self) -> None:
        """Takes this instance and its sessions off the list."""


class RegistryCounter(Protocol):
    """Told of each operation on a directory."""

    def registry_asked(self, operation: Operation, result: Result, duration_s: float) -> None:
        """It took this long, and went so."""

    def registry_reachable(self, is_reachable: bool) -> None:
        """It was reached, or lost."""


class Alone:
    """`Claims` of a process that belongs to no fleet: there is always a place."""

    async def claim(self, record: SessionRecord) -> None:
        """Nothing."""

    async def end(self, label: str) -> None:
        """Nothing."""

    def record(
        self, label: str, transport: Transport, decision: Decision | None = None
    ) -> SessionRecord:
        """A record that nobody keeps."""
        return SessionRecord(label, "", transport, 0.0, decision)

    def note(self, happening: Happening, session: SessionFacts | None = None) -> None:
        """Nothing."""
