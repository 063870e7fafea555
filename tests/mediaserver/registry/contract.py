"""What holds for every registry: a suite that each implementation's tests run against itself."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

import pytest

from voicemedia_rollout.document import Variant
from voicemedia_rollout.figures import Figures, Report
from voicemedia_server.audit import Happening, SessionFacts
from voicemedia_server.registry.membership import Membership
from voicemedia_server.registry_port import (
    FleetFull,
    InstanceState,
    Noted,
    Operation,
    Registry,
    Result,
    SessionRecord,
)
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.routing.outcome import Outcome
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.sessions.sound import Transport

WITHIN_S = 5.0
BEAT_S = 0.02
STATE = InstanceState("http://example.test", "1", 10, 0, False)
PUBLIC = replace(STATE, is_public=True)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Polls; fails after `WITHIN_S`."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            if await condition():
                return
            await asyncio.sleep(BEAT_S / 2)


@dataclass
class Counted:
    """`RegistryCounter` that remembers."""

    operations: Counter[tuple[Operation, Result]] = field(default_factory=Counter)
    slowest_s: float = 0.0
    is_reachable: bool = False

    def registry_asked(self, operation: Operation, outcome: Result, duration_s: float) -> None:
        self.operations[operation, outcome] += 1
        self.slowest_s = max(self.slowest_s, duration_s)

    def registry_reachable(self, is_reachable: bool) -> None:
        self.is_reachable = is_reachable


@dataclass
class Instance:
    """One that keeps its place in a fleet. `asked` are the labels it was asked to end."""

    registry: Registry
    state: InstanceState = STATE
    asked: list[str] = field(default_factory=list)
    keeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.keeping = asyncio.ensure_future(
            self.registry.keep(lambda: self.state, self.asked.append)
        )

    async def crash(self) -> None:
        """Renews no more, and says nothing."""
        if self.keeping is not None:
            self.keeping.cancel()
            await asyncio.wait([self.keeping])

    async def open(self, *labels: str) -> None:
        for label in labels:
            await self.registry.claim(self.registry.record(label, Transport.WEBRTC))


class Fleet:
    """Instances of one fleet, made on demand; all of them leave at the end."""

    def __init__(
        self, make: Callable[[Membership], Registry], max_sessions: int = 0, lease_s: float = 15.0
    ) -> None:
        self._make = make
        self._membership = Membership("test", "", max_sessions, lease_s, BEAT_S)
        self._stack = AsyncExitStack()

    async def join(self, name: str, state: InstanceState = STATE) -> Instance:
        """An instance that has joined."""
        instance = Instance(self._make(replace(self._membership, instance=name)), state)
        instance.start()
        self._stack.push_async_callback(self._part, instance)

        async def has_joined() -> bool:
            found = await instance.registry.instances()
            return name in [record.id for record in found] and instance.registry.is_reachable

        await until(has_joined)
        return instance

    async def _part(self, instance: Instance) -> None:
        await instance.crash()
        await instance.registry.leave()

    async def close(self) -> None:
        await self._stack.aclose()


async def labels(instance: Instance) -> list[str]:
    """Of all sessions, as this instance sees the fleet."""
    return sorted(record.label for record in await instance.registry.sessions())


async def chosen_by(instance: Instance) -> str:
    record = await instance.registry.choose(lambda: 0.0)
    return record.id if record else ""


async def told(instance: Instance, happening: Happening, times: int = 1) -> None:
    """Until the audit has this, so often."""

    async def is_told() -> bool:
        found = [noted.entry.happening for noted in await instance.registry.audit()]
        return found.count(happening) >= times

    await until(is_told)


def labels_noted(noted: Sequence[Noted]) -> list[str]:
    return [each.entry.session.label for each in noted if each.entry.session is not None]


class RegistryContract:
    """Subclasses give a fixture `make`: from a `Membership` to a `Registry` of one directory."""

    async def test_what_one_instance_claims_another_sees(self, fleet: Fleet) -> None:
        one, two = await fleet.join("one"), await fleet.join("two")
        before_unix_s = time.time()
        await one.open("label")

        (record,) = await two.registry.sessions()

        assert (record.label, record.instance) == ("label", "one")
        assert record.transport is Transport.WEBRTC
        assert record.opened_unix_s == pytest.approx(before_unix_s, abs=WITHIN_S)

    async def test_a_session_is_listed_with_the_decision_that_it_was_born_with(
        self, fleet: Fleet
    ) -> None:
        one, two = await fleet.join("one"), await fleet.join("two")
        decision = Decision(Variant.WEBRTC, DecisionReason.FLAG, 7, "acme")
        await one.registry.claim(one.registry.record("label", Transport.WEBSOCKET, decision))

        (record,) = await two.registry.sessions()

        assert (record.transport, record.decision) == (Transport.WEBSOCKET, decision)

    async def test_what_ended_is_listed_no_more(self, fleet: Fleet) -> None:
        one = await fleet.join("one")
        await one.open("first", "second")

        await one.registry.end("first")

        assert await labels(one) == ["second"]

    async def test_ending_what_was_never_claimed_changes_nothing(self, fleet: Fleet) -> None:
        one = await fleet.join("one")
        await one.open("label")

        await one.registry.end("another")

        assert await labels(one) == ["label"]

    async def test_nobody_ends_the_session_of_another_instance(self, fleet: Fleet) -> None:
        one, two = await fleet.join("one"), await fleet.join("two")
        await one.open("label")

        await two.registry.end("label")

        assert await labels(two) == ["label"]

    async def test_an_instance_is_listed_as_it_last_told(self, fleet: Fleet) -> None:
        one, two = await fleet.join("one"), await fleet.join("two")
        one.state = replace(STATE, sessions=7, is_draining=True)

        async def is_told() -> bool:
            return (await two.registry.instances())[0].state == one.state

        await until(is_told)
        assert [record.id for record in await two.registry.instances()] == ["one", "two"]

    async def test_a_full_fleet_admits_nobody_until_a_place_is_given_back(
        self, limited: Fleet
    ) -> None:
        one, two = await limited.join("one"), await limited.join("two")
        await one.open("first")
        await two.open("second")

        with pytest.raises(FleetFull):
            await one.open("third")

        assert await labels(one) == ["first", "second"]
        await two.registry.end("second")
        await one.open("third")
        assert await labels(two) == ["first", "third"]

    async def test_two_that_race_for_the_last_place_are_never_both_admitted(
        self, limited: Fleet
    ) -> None:
        one, two = await limited.join("one"), await limited.join("two")
        await one.open("first")

        for turn in range(50):
            racers = [(one, f"one-{turn}"), (two, f"two-{turn}")]
            outcomes = await asyncio.gather(
                *(instance.open(label) for instance, label in racers), return_exceptions=True
            )

            admitted = [r for r, outcome in zip(racers, outcomes, strict=True) if outcome is None]
            assert len(admitted) == 1
            assert sum(isinstance(outcome, FleetFull) for outcome in outcomes) == 1
            ((winner, label),) = admitted
            assert await labels(one) == sorted(["first", label])
            await winner.registry.end(label)

    async def test_a_lease_that_ends_takes_its_sessions_off_the_list(
        self, short_leased: Fleet
    ) -> None:
        one, two = await short_leased.join("one"), await short_leased.join("two")
        await one.open("lost")
        await two.open("kept")
        await one.crash()

        async def is_swept() -> bool:
            return await labels(two) == ["kept"]

        await until(is_swept)
        assert [record.id for record in await two.registry.instances()] == ["two"]

    async def test_who_was_thought_dead_comes_back_with_all_its_sessions(
        self, short_leased: Fleet
    ) -> None:
        one, two = await short_leased.join("one"), await short_leased.join("two")
        await one.open("label")
        await one.crash()

        async def is_swept() -> bool:
            return await labels(two) == []

        await until(is_swept)
        one.start()

        async def is_back() -> bool:
            return await labels(two) == ["label"]

        await until(is_back)

    async def test_who_leaves_takes_its_sessions_along_and_nothing_else(self, fleet: Fleet) -> None:
        one, two = await fleet.join("one"), await fleet.join("two")
        await one.open("gone")
        await two.open("kept")

        await one.crash()
        await one.registry.leave()

        assert await labels(two) == ["kept"]
        assert [record.id for record in await two.registry.instances()] == ["two"]

    async def test_a_wish_to_end_a_session_reaches_the_one_that_holds_it(
        self, fleet: Fleet
    ) -> None:
        one, two = await fleet.join("one"), await fleet.join("two")
        await one.open("label", "another")

        assert await two.registry.ask_to_end("label")

        async def is_asked() -> bool:
            return one.asked == ["label"]

        await until(is_asked)
        assert two.asked == []

    async def test_the_audit_tells_who_came_and_went_and_how_sessions_ended(
        self, fleet: Fleet
    ) -> None:
        one, two = await fleet.join("one"), await fleet.join("two")
        session = SessionFacts("label", Transport.WEBRTC, Variant.WEBRTC)
        ended = replace(session, reason=CloseReason.DELETED, outcome=Outcome.OK)
        one.registry.note(Happening.OPENED, session)
        one.registry.note(Happening.ENDED, ended)
        await told(two, Happening.ENDED)
        await one.crash()
        await one.registry.leave()

        found = [noted.entry for noted in await two.registry.audit()]

        of_one = [entry for entry in found if entry.instance == "one"]
        assert [(entry.happening, entry.session) for entry in of_one] == [
            (Happening.JOINED, None),
            (Happening.OPENED, session),
            (Happening.ENDED, ended),
            (Happening.LEFT, None),
        ]
        assert (of_one[0].epoch or 0) > 0
        assert of_one[0].at_unix_s == pytest.approx(time.time(), abs=WITHIN_S)

    async def test_a_lease_that_ends_is_told_by_those_who_stay(self, short_leased: Fleet) -> None:
        one, two = await short_leased.join("one"), await short_leased.join("two")
        await one.crash()

        await told(two, Happening.LOST)

        (lost,) = [n.entry for n in await two.registry.audit() if n.entry.instance == "one"][1:]
        assert lost.happening is Happening.LOST
        assert lost.at_unix_s == pytest.approx(time.time(), abs=WITHIN_S)

    async def test_the_audit_is_read_on_from_any_entry(self, fleet: Fleet) -> None:
        one = await fleet.join("one")
        for number in range(5):
            one.registry.note(Happening.OPENED, SessionFacts(str(number)))
        await told(one, Happening.OPENED, 5)

        newest = await one.registry.audit(limit=3)
        following = await one.registry.audit(after=newest[0].id)
        limited = await one.registry.audit(after=newest[0].id, limit=1)

        assert labels_noted(newest) == ["2", "3", "4"]
        assert labels_noted(following) == ["3", "4"]
        assert labels_noted(limited) == ["3"]
        assert await one.registry.audit(after=newest[-1].id) == ()

    async def test_of_two_instances_the_one_with_more_free_places_is_chosen(
        self, fleet: Fleet
    ) -> None:
        await fleet.join("full", replace(PUBLIC, sessions=7))
        empty = await fleet.join("empty", replace(PUBLIC, sessions=2))

        chosen = [await empty.registry.choose(random.Random(seed).random) for seed in range(50)]

        assert {record.id for record in chosen if record} == {"empty"}
        assert {record.state for record in chosen if record} == {empty.state}

    async def test_the_fullest_of_many_is_never_chosen_and_all_others_are(
        self, fleet: Fleet
    ) -> None:
        for number in range(4):
            one = await fleet.join(f"{number}", replace(PUBLIC, sessions=9 - number))

        chosen = [await one.registry.choose(random.Random(seed).random) for seed in range(100)]

        assert {record.id for record in chosen if record} == {"1", "2", "3"}

    async def test_who_is_full_drains_or_is_not_public_is_never_chosen(self, fleet: Fleet) -> None:
        one = await fleet.join("full", replace(PUBLIC, sessions=10))
        await fleet.join("draining", replace(PUBLIC, is_draining=True))
        await fleet.join("private", replace(PUBLIC, is_public=False))
        assert await one.registry.choose(lambda: 0.0) is None

        await fleet.join("free", replace(PUBLIC, sessions=9))

        chosen = [await one.registry.choose(random.Random(seed).random) for seed in range(50)]
        assert [record.id for record in chosen if record] == ["free"] * 50

    async def test_a_place_that_was_claimed_counts_before_the_next_renewal(
        self, fleet: Fleet
    ) -> None:
        one = await fleet.join("one", replace(PUBLIC, sessions=8))
        two = await fleet.join("two", replace(PUBLIC, sessions=9))
        for instance in (one, two):
            await instance.crash()
        assert await chosen_by(two) == "one"

        await one.open("first", "second")
        assert await chosen_by(two) == "two"

        await two.open("third")
        assert await two.registry.choose(lambda: 0.0) is None

    async def test_a_place_that_is_given_back_counts_before_the_next_renewal(
        self, fleet: Fleet
    ) -> None:
        one = await fleet.join("one", replace(PUBLIC, sessions=7))
        two = await fleet.join("two", replace(PUBLIC, sessions=8))
        for instance in (one, two):
            await instance.crash()
        await one.open("first", "second")
        assert await chosen_by(one) == "two"

        await one.registry.end("first")
        await one.registry.end("second")

        assert await chosen_by(two) == "one"

    async def test_who_begins_to_drain_is_chosen_no_more(self, fleet: Fleet) -> None:
        one = await fleet.join("one", PUBLIC)
        assert await chosen_by(one) == "one"
        one.state = replace(PUBLIC, is_draining=True)

        async def is_passed_over() -> bool:
            return await one.registry.choose(lambda: 0.0) is None

        await until(is_passed_over)

    async def test_who_left_or_is_lost_is_chosen_no_more(self, short_leased: Fleet) -> None:
        one = await short_leased.join("one")
        left, lost = [await short_leased.join(name, PUBLIC) for name in ("left", "lost")]
        await left.crash()
        await left.registry.leave()
        assert await chosen_by(one) == "lost"

        await lost.crash()

        async def is_passed_over() -> bool:
            return await one.registry.choose(lambda: 0.0) is None

        await until(is_passed_over)

    async def test_a_session_that_nobody_holds_cannot_be_asked_for(self, fleet: Fleet) -> None:
        one = await fleet.join("one")

        assert not await one.registry.ask_to_end("nobody")

    async def test_a_name_that_begins_as_another_is_another(self, fleet: Fleet) -> None:
        one, longer = await fleet.join("one"), await fleet.join("one-more")
        await one.open("label")
        await longer.open("other")

        await one.crash()
        await one.registry.leave()

        assert await labels(longer) == ["other"]

    async def test_one_instance_leads_until_it_leaves(self, fleet: Fleet) -> None:
        one, two = await fleet.join("one"), await fleet.join("two")

        assert await one.registry.lead(60, "two checks failed") == "two checks failed"
        assert await one.registry.lead(60) == "two checks failed"
        assert await two.registry.lead(60, "nonsense") is None

        await one.crash()
        await one.registry.leave()

        assert await two.registry.lead(60) == "two checks failed"

    async def test_a_leader_that_died_is_followed_when_its_lease_ends(
        self, make: Callable[[Membership], Registry]
    ) -> None:
        fleet = Fleet(make, lease_s=0.2)
        one, two = await fleet.join("one"), await fleet.join("two")
        assert await one.registry.lead(60) == ""
        await one.crash()

        async def leads() -> bool:
            return await two.registry.lead(60) is not None

        await until(leads)
        await fleet.close()

    async def test_a_leader_that_does_not_lead_any_more_is_followed(self, fleet: Fleet) -> None:
        one, two = await fleet.join("one"), await fleet.join("two")
        assert await one.registry.lead(0.2, "one check failed") is not None
        assert await two.registry.lead(60) is None

        async def leads() -> bool:
            return await two.registry.lead(60) == "one check failed"

        await until(leads)

        assert await one.registry.lead(60) is None

    async def test_one_that_missed_its_last_renewals_is_not_chosen(
        self, make: Callable[[Membership], Registry]
    ) -> None:
        fleet = Fleet(make, lease_s=5.0)
        one, two = await fleet.join("one"), await fleet.join("two")
        two.state = replace(STATE, max_sessions=1000, is_public=True)
        one.state = replace(STATE, is_public=True)

        async def is_chosen(name: str) -> bool:
            found = await one.registry.choose(lambda: 0.0)
            return found is not None and found.id == name

        await until(lambda: is_chosen("two"))
        await two.crash()

        await until(lambda: is_chosen("one"))
        assert [record.id for record in await one.registry.instances()] == ["one", "two"]
        await fleet.close()

    async def test_how_the_sessions_of_an_instance_went_is_told_to_all(self, fleet: Fleet) -> None:
        one, two = await fleet.join("one"), await fleet.join("two")
        report = Report(3, {Variant.WEBRTC: Figures(connected=5, setup_s=0.25)})
        one.state = replace(STATE, report=report)

        async def is_told() -> bool:
            (record, _) = await two.registry.instances()
            return record.state.report is not None

        await until(is_told)
        (record, other) = await two.registry.instances()
        assert record.state.report is not None
        assert record.state.report.encode() == report.encode()
        assert other.state.report is None


def a_record(label: str = "label", instance: str = "one") -> SessionRecord:
    return SessionRecord(label, instance, Transport.WEBSOCKET, 1.5)
