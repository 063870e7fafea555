"""Whole plans for what is wrong: specs, secrets, pods and nodes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from fleets.playing import at_work, by_name, condition, kinds, settled, with_sessions
from fleets.world import World
from voicemedia_operator.reconcile.actions import (
    CreatePod,
    DeletePod,
)
from voicemedia_operator.reconcile.names import Annotation
from voicemedia_operator.reconcile.observed import Flags
from voicemedia_operator.spec.status import (
    ConditionStatus,
    ConditionType,
    Phase,
)


def test_a_spec_with_faults_keeps_the_last_good_one_in_force() -> None:
    world = settled(replicas=2)
    world.change(replicas="many")
    by_name(world)[0].has_failed_since = world.now
    world.settle()

    assert len(at_work(world)) == 2
    assert condition(world.status, ConditionType.DEGRADED) == ("True", "InvalidSpec")
    assert condition(world.status, ConditionType.AVAILABLE) == ("True", "PodsReady")
    assert world.status.observed_generation == 2


def test_waiting_for_a_spec_with_faults_to_be_available_is_in_vain() -> None:
    world = settled()
    world.change(replicas="many")
    world.settle()
    about = {each.type: each.observed_generation for each in world.status.conditions}
    assert about[ConditionType.AVAILABLE] == 1
    assert about[ConditionType.DEGRADED] == 2

    world.change(replicas=1)
    world.settle()

    assert {each.observed_generation for each in world.status.conditions} == {3}


def test_a_resource_that_never_had_a_good_spec_says_what_to_mend() -> None:
    planned = World({"replicas": 2}).plan()

    (told,) = planned.status.conditions
    assert planned.actions == ()
    assert (told.status, told.reason) == (ConditionStatus.TRUE, "InvalidSpec")
    assert "spec.image: is missing" in told.message


def test_a_missing_secret_is_named_and_no_pod_is_made() -> None:
    world = World({"image": "media:1", "registry": {"urlSecretRef": {"name": "r", "key": "url"}}})
    planned = world.step()

    assert CreatePod not in kinds(planned.actions)
    assert condition(planned.status, ConditionType.DEGRADED) == ("True", "SecretMissing")

    world.secrets["r"] = frozenset({"url"})
    world.flags = Flags()
    world.settle()

    assert len(at_work(world)) == 1
    assert condition(world.status, ConditionType.DEGRADED) == ("False", "NothingToMend")


def test_a_secret_that_goes_missing_leaves_running_pods_alone() -> None:
    world = World({"image": "media:1", "registry": {"urlSecretRef": {"name": "r", "key": "url"}}})
    world.secrets["r"] = frozenset({"url"})
    world.settle()
    world.secrets["r"] = frozenset({"another"})
    world.settle()

    assert len(at_work(world)) == 1
    assert condition(world.status, ConditionType.DEGRADED) == ("True", "SecretMissing")


def test_while_paused_pods_stay_as_they_are() -> None:
    world = settled(replicas=2)
    world.change(replicas=5, paused=True)
    by_name(world)[0].has_failed_since = world.now
    planned = world.step()

    assert not {CreatePod, DeletePod} & set(kinds(planned.actions))
    assert planned.status.phase is Phase.PAUSED
    assert condition(planned.status, ConditionType.PAUSED) == ("True", "PausedBySpec")

    world.change(paused=False)
    world.settle()

    assert len(at_work(world)) == 5


def test_while_paused_pods_with_calls_are_marked_busy_and_no_longer_when_they_have_none() -> None:
    world = settled(replicas=2)
    world.change(paused=True)
    with_sessions(world, 1, 0)
    world.settle()
    assert [world.seen(each.name).is_busy for each in by_name(world)] == [True, False]

    with_sessions(world, 0, 2)
    world.settle()

    assert [world.seen(each.name).is_busy for each in by_name(world)] == [False, True]


def test_a_pod_that_failed_is_replaced_at_once() -> None:
    world = settled(replicas=2)
    by_name(world)[0].has_failed_since = world.now
    world.settle()

    assert len(at_work(world)) == 2
    assert len(world.pods) == 2


def test_a_pod_that_fails_again_and_again_is_replaced_ever_more_slowly() -> None:
    world = settled()
    deaths, made, is_told = [], set(world.pods), False
    for _ in range(400):
        for each in world.pods.values():
            if each.is_alive and each.has_failed_since is None:
                each.has_failed_since = world.now
        reason = condition(world.step().status, ConditionType.DEGRADED)
        is_told = is_told or reason[0] == "True"
        if world.pods.keys() - made:
            deaths.append(world.now)
            made |= world.pods.keys()
        world.run_pods()
        world.now += 1
    pauses = [after - before for before, after in pairwise(deaths)]

    assert pauses[:4] == sorted(pauses[:4])
    assert pauses[-1] >= 80
    assert is_told


def test_a_pod_whose_node_is_gone_is_replaced() -> None:
    world = settled()
    (lost,) = by_name(world)
    lost.answers, lost.unready_since = False, world.now
    world.nodes = frozenset({"node-2"})
    planned = world.plan()

    assert kinds(planned.actions) == [CreatePod, DeletePod]
    assert condition(planned.status, ConditionType.DEGRADED) == ("True", "NodeGone")
    assert planned.actions[-1] == DeletePod(lost.name, lost.uid)


def test_a_pod_that_answers_is_alive_whatever_the_list_of_nodes_says() -> None:
    world = settled()
    world.nodes = frozenset({"node-2"})

    assert world.plan().actions == ()


def test_a_pod_that_is_ready_and_missed_one_question_is_alive_too() -> None:
    world = settled()
    by_name(world)[0].answers = False
    world.nodes = frozenset({"node-2"})

    assert world.plan().actions == ()


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (Annotation.PORT, "0"),
        (Annotation.PORT, "70000"),
        (Annotation.NUMBER, "9" * 5000),
        (Annotation.ATTEMPT, "9" * 5000),
        (Annotation.SERVING_SINCE, "9999-12-31T23:59:59Z"),
        (Annotation.DRAIN_SINCE, "9999-12-31T23:59:59Z"),
    ],
)
def test_whatever_people_write_on_a_pod_there_is_a_plan(annotation: Annotation, text: str) -> None:
    world = with_sessions(settled(replicas=2), 1, 0)
    by_name(world)[0].manifest["metadata"]["annotations"][annotation] = text
    world.settle()

    assert len(at_work(world)) == 2


def test_a_drain_that_people_date_far_ahead_has_its_deadline_from_now_on() -> None:
    world = with_sessions(settled(), 1)
    (asked,) = by_name(world)
    asked.manifest["metadata"]["annotations"][Annotation.DRAIN_SINCE] = "9999-12-31T23:59:59Z"
    asked.manifest["metadata"]["annotations"][Annotation.DRAIN_CAUSE] = "asked"
    world.settle()
    world.now += 3600
    world.settle()

    assert asked.drain_ends_unix_s is not None


def test_a_stuck_pod_is_replaced_by_one_that_is_given_more_time() -> None:
    world = World()
    world.step()
    world.now += 299
    assert CreatePod not in kinds(world.plan().actions)

    world.now += 1
    actions = world.plan().actions

    (made,) = [each for each in actions if isinstance(each, CreatePod)]
    metadata: Any = made.manifest["metadata"]
    assert metadata["annotations"][Annotation.ATTEMPT] == "1"
    assert DeletePod in kinds(actions)
