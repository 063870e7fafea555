"""The guard at work: one server of a fleet leads, looks, and writes what the table says.

It changes the flag document only; live calls keep what they were born with. A document that
somebody changed meanwhile is left as it is: the next check looks at that one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Protocol

import structlog

from voicemedia_rollout.analysis import Analysis
from voicemedia_rollout.document import DocumentMalformed, Rollout, read_document
from voicemedia_rollout.figures import Report
from voicemedia_rollout.guard import Check, Progress, Verdict, check
from voicemedia_server.ports import FlagStore, FlagsUnavailable, RevisionConflict
from voicemedia_server.registry_port import Registry

log = structlog.get_logger("guard")

QUIET = (Verdict.IDLE, Verdict.HEALTHY, Verdict.PAUSED)
"""Told when they begin, not at each check."""


LEAD_INTERVALS = 3
"""A leader that makes no checks for so many intervals, since it cannot read the flags or hangs, is
followed by another."""


class GuardObserver(Protocol):
    """Is told of checks; implemented by `telemetry`."""

    def guard_checked(self, found: Check, report: Report | None) -> None:
        """This server leads, and looked."""

    def guard_followed(self) -> None:
        """Another server leads, or nobody can know."""


@dataclass(slots=True)
class Guard:
    """`now_unix_s` is wall-clock time, `sleep` waits between checks."""

    store: FlagStore
    registry: Registry
    observer: GuardObserver
    now_unix_s: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _last: Verdict | None = field(default=None, init=False)

    async def run(self) -> None:
        """Checks until cancelled."""
        while True:
            rollout = await self._read()
            await self.look(rollout)
            await self.sleep((rollout.analysis if rollout else Analysis()).interval_s)

    async def look(self, rollout: Rollout | None) -> None:
        """One check of what is in force; `None` where that cannot be read."""
        memo = None
        if rollout is not None:
            lead_s = LEAD_INTERVALS * rollout.analysis.interval_s
            memo = await self.registry.lead(lead_s)
        if rollout is None or memo is None:
            self.observer.guard_followed()
            self._last = None
            return
        report = sum_reports(
            rollout.revision, [one.state.report for one in await self.registry.instances()]
        )
        found = check(rollout, report, Progress.decode(memo), int(self.now_unix_s()))
        await self.registry.lead(lead_s, found.progress.encode())
        self._tell(rollout, found)
        if found.rollout is not None:
            await self._write(found.rollout)
        self.observer.guard_checked(found, report)

    async def _read(self) -> Rollout | None:
        """`None` too for a document by another hand: it is not ours to change."""
        try:
            text = await self.store.read()
            return None if text is None else read_document(text)
        except (FlagsUnavailable, DocumentMalformed):
            return None

    async def _write(self, rollout: Rollout) -> None:
        try:
            await self.store.replace(rollout)
        except (RevisionConflict, FlagsUnavailable, DocumentMalformed) as failure:
            log.warning("the guard's change was not taken; it looks again", fault=str(failure))

    def _tell(self, rollout: Rollout, found: Check) -> None:
        if found.verdict is not self._last or found.verdict not in QUIET:
            tell = log.info if found.verdict in (*QUIET, Verdict.WIDEN) else log.warning
            tell(
                "guard " + found.verdict,
                revision=rollout.revision,
                weight_percent=rollout.weight_percent,
                failed_checks=found.progress.failed_checks,
                reason=found.reason,
            )
        self._last = found.verdict


def sum_reports(revision: int, reports: Sequence[Report | None]) -> Report | None:
    """Of the servers that go by this revision; `None` where there is none."""
    known = [report for report in reports if report is not None and report.revision == revision]
    return reduce(add, known) if known else None
