"""The conditions of a resource."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fleets.playing import condition as told_of
from fleets.resources import NOW, OLD_REVISION, draining, instance, pod, resource, starting
from fleets.rollouts import BAD, go_on, in_force, rolling_out
from fleets.situations import situation
from voicemedia_operator.reconcile.conditions import Answer, answers, settle, turned
from voicemedia_operator.reconcile.observed import Flags, Observed, Pod
from voicemedia_operator.reconcile.troubles import Trouble
from voicemedia_operator.spec.status import Condition, ConditionStatus, ConditionType
from voicemedia_rollout.document import write_document

AVAILABLE = ConditionType.AVAILABLE
REGISTRY = {"urlSecretRef": {"name": "redis", "key": "url"}}


def answer(kind: ConditionType, *pods: Pod, **members: Any) -> tuple[str, str]:
    found = {each.type: each for each in answers(situation(*pods, **members), ())}
    return found[kind].status.value, found[kind].reason


def condition(status: ConditionStatus, reason: str = "Because", since: int = NOW) -> Condition:
    moment = datetime.fromtimestamp(since, UTC)
    return Condition(
        type=AVAILABLE,
        status=status,
        reason=reason,
        observed_generation=1,
        last_transition_time=moment,
    )


def test_every_question_is_answered_once() -> None:
    found = [each.type for each in answers(situation(), ())]

    assert sorted(found) == sorted(ConditionType)


def test_a_fleet_is_available_while_the_wanted_number_takes_sessions() -> None:
    assert answer(AVAILABLE, pod("a")) == ("True", "PodsReady")
    assert answer(AVAILABLE, pod("a"), replicas=2) == ("False", "PodsMissing")
    assert answer(AVAILABLE, starting("a")) == ("False", "PodsMissing")
    assert answer(AVAILABLE, replicas=0) == ("True", "PodsReady")


def test_a_fleet_that_is_deleted_is_not_available() -> None:
    seen: dict[str, Any] = {"replicas": 0, "is_deleting": True}

    assert answer(AVAILABLE, **seen) == ("False", "Deleting")
    assert answer(AVAILABLE, pod("a"), **seen) == ("False", "Deleting")


def test_pods_that_may_be_missing_do_not_make_a_fleet_unavailable_but_all_of_them_do() -> None:
    given = resource(update={"maxUnavailable": 2})

    assert answer(AVAILABLE, pod("a"), given=given, replicas=2) == ("True", "PodsReady")
    assert answer(AVAILABLE, given=given, replicas=2) == ("False", "PodsMissing")


def test_a_registry_that_is_required_must_answer_for_a_fleet_to_be_available() -> None:
    seen = Observed(flags=Flags(is_reachable=False))
    required = resource(registry={**REGISTRY, "required": True})

    assert answer(AVAILABLE, pod("a"), given=resource(registry=REGISTRY), observed=seen)[0] == (
        "True"
    )
    assert answer(AVAILABLE, pod("a"), given=required, observed=seen) == (
        "False",
        "OperatorCutOff",
    )


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ([pod("a")], ("False", "Settled")),
        ([starting("a")], ("True", "PodsStarting")),
        ([], ("True", "PodsMade")),
        ([pod("a"), pod("b")], ("True", "PodsTakenAway")),
        ([pod("a"), pod("b", revision=OLD_REVISION)], ("True", "PodsReplaced")),
        ([pod("a"), draining("b", 1)], ("False", "Settled")),
    ],
)
def test_a_fleet_progresses_until_it_is_as_it_shall_be(
    pods: list[Pod], expected: tuple[str, str]
) -> None:
    assert answer(ConditionType.PROGRESSING, *pods) == expected


def test_pods_that_wait_for_calls_are_told() -> None:
    assert answer(ConditionType.DRAINING, draining("a", 3)) == ("True", "PodsDrain")
    assert answer(ConditionType.DRAINING, pod("a")) == ("False", "NoPodDrains")


def test_troubles_degrade_a_fleet_and_all_are_told() -> None:
    given = (Trouble("ImagePullBackOff", "no image"), Trouble("NotReady", "too slow"))
    found = {each.type: each for each in answers(situation(), given)}
    told = found[ConditionType.DEGRADED]

    assert (told.status, told.reason) == (ConditionStatus.TRUE, "ImagePullBackOff")
    assert told.message == "no image; too slow"


def test_a_registry_is_reachable_when_the_operator_and_all_pods_reach_it() -> None:
    kind, given = ConditionType.REGISTRY_REACHABLE, resource(registry=REGISTRY)
    up, down = Observed(flags=Flags()), Observed(flags=Flags(is_reachable=False))
    cut_off = pod("a", instance=instance(registry_reachable=False))

    assert answer(kind, pod("a")) == ("Unknown", "NoRegistry")
    assert answer(kind, pod("a"), given=given, observed=up) == ("True", "Answers")
    assert answer(kind, pod("a"), given=given, observed=down) == ("False", "OperatorCutOff")
    assert answer(kind, cut_off, given=given, observed=up) == ("False", "PodsCutOff")


def test_a_rollout_that_is_paused_stays_so_under_a_higher_revision() -> None:
    world = rolling_out(analysis={"onFailure": "Pause"})
    go_on(world, 30, BAD)
    before = told_of(world.status, ConditionType.ROLLOUT_HEALTHY)
    assert before == ("False", "Paused")
    by_hand = in_force(world).changed(by="somebody", reason="", now_unix_s=1)
    world.flags = Flags(text=write_document(by_hand))
    go_on(world, 30, BAD)

    assert told_of(world.status, ConditionType.ROLLOUT_HEALTHY) == before


def test_since_when_a_condition_is_what_it_is_outlives_a_change_of_its_reason() -> None:
    before = condition(ConditionStatus.FALSE, since=NOW - 60)
    same, other = (
        settle([Answer(AVAILABLE, status, "New")], [before], 7, NOW)[0]
        for status in (ConditionStatus.FALSE, ConditionStatus.TRUE)
    )

    assert same.last_transition_time == before.last_transition_time
    assert other.last_transition_time == datetime.fromtimestamp(NOW, UTC)
    assert same.observed_generation == 7


def test_what_a_spec_with_faults_has_no_part_in_stays_about_the_one_in_force() -> None:
    before = condition(ConditionStatus.TRUE)
    given = [
        Answer(AVAILABLE, ConditionStatus.TRUE, "PodsReady"),
        Answer(ConditionType.PROGRESSING, ConditionStatus.FALSE, "Settled"),
        Answer(ConditionType.DEGRADED, ConditionStatus.TRUE, "InvalidSpec"),
    ]
    found = settle(given, [before], 7, NOW, is_faulty=True)

    assert [each.observed_generation for each in found] == [1, 6, 7]


def test_a_message_is_never_longer_than_the_api_server_takes() -> None:
    (found,) = settle([Answer(AVAILABLE, ConditionStatus.TRUE, "Long", "x" * 9000)], [], 1, NOW)

    assert len(found.message) == 4096


def test_only_what_turned_is_an_event() -> None:
    good, bad = condition(ConditionStatus.TRUE), condition(ConditionStatus.FALSE)

    assert list(turned([good], [good])) == []
    assert [each.is_warning for each in turned([good], [bad])] == [True]
    assert [each.is_warning for each in turned([bad], [good])] == [False]


def test_another_reason_to_be_bad_is_an_event_and_another_to_be_good_is_none() -> None:
    def with_reasons(status: ConditionStatus) -> list[Any]:
        return list(turned([condition(status, "One")], [condition(status, "Two")]))

    assert [each.reason for each in with_reasons(ConditionStatus.FALSE)] == ["Two"]
    assert with_reasons(ConditionStatus.TRUE) == []


def test_at_first_only_what_is_bad_is_an_event() -> None:
    assert list(turned([], [condition(ConditionStatus.TRUE)])) == []
    assert len(list(turned([], [condition(ConditionStatus.FALSE)]))) == 1
