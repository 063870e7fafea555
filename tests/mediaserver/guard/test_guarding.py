"""The guard at work: who looks, at what, and what it writes."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from voicemedia_rollout.analysis import Analysis, Measure, Threshold
from voicemedia_rollout.document import Rollout, Variant, read_document
from voicemedia_rollout.figures import Figures, Report
from voicemedia_rollout.guard import Check, Verdict
from voicemedia_server.flags.stores import MemoryFlagStore
from voicemedia_server.guard.guarding import Guard, sum_reports
from voicemedia_server.registry.membership import Membership
from voicemedia_server.registry.memory import MemoryDirectory, MemoryRegistry
from voicemedia_server.registry_port import InstanceState

NOW_UNIX_S = 1_700_000_000
ROLLOUT = Rollout(
    revision=7,
    weight_percent=50,
    analysis=Analysis(
        interval_s=1,
        min_sessions=10,
        failure_limit=2,
        thresholds=(Threshold(measure=Measure.SETUP_FAILURE, limit=0.1),),
    ),
)


def report(connected: int, failed: int, revision: int = 7) -> Report:
    return Report(revision, {Variant.WEBRTC: Figures(connected=connected, setup_failed=failed)})


@dataclass
class Told:
    """`GuardObserver` that remembers."""

    checks: list[tuple[Check, Report | None]] = field(default_factory=list)
    followed: int = 0

    def guard_checked(self, found: Check, report: Report | None) -> None:
        self.checks.append((found, report))

    def guard_followed(self) -> None:
        self.followed += 1

    @property
    def verdicts(self) -> list[Verdict]:
        return [found.verdict for found, _ in self.checks]


class Over(Exception):
    """Ends a guard's run."""


class Fleet:
    """Servers of one directory and one flag document; each has a guard."""

    def __init__(self, rollout: Rollout = ROLLOUT) -> None:
        self.store = MemoryFlagStore(rollout)
        self.directory = MemoryDirectory()

    async def server(self, name: str, told: Told, seen: Report | None = None) -> Guard:
        registry = MemoryRegistry(Membership("test", name, beat_s=3600), self.directory)
        guard = Guard(self.store, registry, told, lambda: NOW_UNIX_S)
        registry.join(InstanceState("http://example.test", "1", 10, 0, False, seen))
        return guard

    async def rollout(self) -> Rollout:
        return read_document(await self.store.read() or "")


async def check(guard: Guard, times: int = 1) -> None:
    """So many checks, as its run makes them."""
    left = times

    async def sleep(interval_s: float) -> None:
        nonlocal left
        assert interval_s > 0
        left -= 1
        if not left:
            raise Over

    guard.sleep = sleep
    with pytest.raises(Over):
        await guard.run()


async def test_one_server_leads_and_adds_up_what_all_report() -> None:
    fleet, first, second = Fleet(), Told(), Told()
    one = await fleet.server("one", first, report(30, 1))
    two = await fleet.server("two", second, report(69, 0))

    await check(one)
    await check(two)

    ((found, seen),) = first.checks
    assert seen is not None
    assert seen.of(Variant.WEBRTC) == Figures(connected=99, setup_failed=1)
    assert found.verdict is Verdict.HEALTHY
    assert (second.checks, second.followed) == ([], 1)


async def test_a_bad_variant_is_taken_back_with_a_new_revision_and_a_reason() -> None:
    fleet, told = Fleet(), Told()
    guard = await fleet.server("one", told, report(8, 2))

    await check(guard, 3)

    assert told.verdicts == [Verdict.FAILING, Verdict.ROLLBACK, Verdict.IDLE]
    rollout = await fleet.rollout()
    assert (rollout.revision, rollout.weight_percent, rollout.changed_by) == (8, 0, "guard")
    assert "setup-failure is 20.0 % of 10 sessions" in rollout.reason
    assert rollout.changed_unix_s == NOW_UNIX_S


async def test_who_leads_next_goes_on_where_the_last_one_stopped() -> None:
    fleet, told = Fleet(), Told()
    one = await fleet.server("one", Told(), report(8, 2))
    two = await fleet.server("two", told, report(8, 2))
    await check(one)

    await one.registry.leave()
    await check(two)

    assert told.verdicts == [Verdict.ROLLBACK]


async def test_a_change_by_hand_in_the_meantime_stands() -> None:
    fleet, told = Fleet(), Told()
    guard = await fleet.server("one", told, report(8, 2))
    await check(guard)
    seen = await fleet.rollout()
    await fleet.store.replace(
        seen.changed(by="anna", reason="more", now_unix_s=1, weight_percent=60)
    )

    await guard.look(seen)

    assert told.verdicts == [Verdict.FAILING, Verdict.ROLLBACK]
    assert (await fleet.rollout()).weight_percent == 60


async def test_a_server_that_reports_another_revision_is_passed_over() -> None:
    fleet, told = Fleet(), Told()
    guard = await fleet.server("one", told, report(0, 100, revision=6))

    await check(guard)

    ((found, seen),) = told.checks
    assert (found.verdict, seen) == (Verdict.PAUSED, None)


async def test_a_document_by_another_hand_is_not_guarded() -> None:
    fleet, told = Fleet(), Told()
    guard = await fleet.server("one", told, report(0, 100))
    guard.store = ForeignStore()

    await check(guard, 2)

    assert (told.checks, told.followed) == ([], 2)


class ForeignStore(MemoryFlagStore):
    """A document that flagd reads, and we do not write."""

    def __init__(self) -> None:
        super().__init__(ROLLOUT)

    async def read(self) -> str | None:
        return '{"flags": {}}'


def test_reports_of_a_revision_are_added_and_others_left_out() -> None:
    assert sum_reports(7, []) is None
    assert sum_reports(7, [None, report(1, 0, revision=6)]) is None
    summed = sum_reports(7, [None, report(1, 0), report(2, 1), report(5, 5, revision=8)])
    assert summed is not None
    assert summed.of(Variant.WEBRTC) == Figures(connected=3, setup_failed=1)
