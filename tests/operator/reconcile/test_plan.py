"""Whole plans: a resource comes, changes, and goes, in a small world that does what is planned."""

from __future__ import annotations

import pytest

from fleets.playing import at_work, by_name, condition, images, kinds, settled, with_sessions
from fleets.world import World
from voicemedia_operator.reconcile.actions import (
    AddFinalizer,
    Apply,
    CreatePod,
    Delete,
    MakeSecret,
    PublishFlags,
    PutFlags,
    RemoveFinalizer,
)
from voicemedia_operator.reconcile.names import Annotation
from voicemedia_operator.reconcile.objects.manifest import key_of
from voicemedia_operator.reconcile.observed import Flags, ObjectKey
from voicemedia_operator.spec.status import (
    ConditionType,
    Phase,
    PodPhase,
)
from voicemedia_rollout.document import read_document

# A resource comes.


def test_an_image_is_enough_for_a_fleet() -> None:
    world = settled()

    assert len(at_work(world)) == 1
    assert world.has_finalizer
    assert world.status.phase is Phase.READY
    assert condition(world.status, ConditionType.AVAILABLE) == ("True", "PodsReady")


def test_the_first_plan_makes_all_that_a_pod_needs_before_the_pod() -> None:
    actions = World().plan().actions

    assert isinstance(actions[0], AddFinalizer)
    assert isinstance(actions[-1], CreatePod)
    assert {key_of(each.manifest).name for each in actions if isinstance(each, MakeSecret)} == {
        "voice-fleet",
        "voice-tokens",
    }
    applied = [key_of(each.manifest) for each in actions if isinstance(each, Apply)]
    assert sorted((each.kind, each.name) for each in applied) == [
        ("ConfigMap", "voice-accepted"),
        ("ConfigMap", "voice-flags"),
        ("NetworkPolicy", "voice"),
        ("PodDisruptionBudget", "voice-busy"),
        ("Service", "voice"),
    ]


def test_an_unchanged_world_gives_no_action() -> None:
    world = with_sessions(settled(replicas=3), 2, 0, 0)
    world.step()

    assert world.step().actions == ()
    assert world.step().events == ()


def test_status_is_the_same_for_an_unchanged_world() -> None:
    world = settled(replicas=3)
    before = world.status
    world.now += 3600
    world.settle()
    world.now += 3600

    assert world.plan().status.model_copy(update={"rollout": before.rollout}) == before.model_copy(
        update={"conditions": world.plan().status.conditions}
    )


def test_what_somebody_else_changed_is_put_right() -> None:
    world = settled()
    key = next(each for each in world.objects if each.kind == "Service")
    world.objects[key] = {**world.objects[key], "spec": {"selector": {"app": "another"}}}

    (action,) = world.plan().actions

    assert isinstance(action, Apply)
    assert key_of(action.manifest) == key


def test_status_tells_pods_sessions_and_places() -> None:
    world = with_sessions(settled(replicas=2), 3, 4)
    status = world.plan().status

    assert (status.replicas, status.ready_replicas, status.updated_replicas) == (2, 2, 2)
    assert status.sessions.total == 7
    assert (status.capacity.max_sessions, status.capacity.free_sessions) == (20, 13)
    assert [(each.phase, each.sessions) for each in status.pods] == [
        (PodPhase.READY, 3),
        (PodPhase.READY, 4),
    ]
    assert status.revisions.stable == status.revisions.wanted == status.pods[0].revision


def test_a_pod_that_starts_is_waited_for() -> None:
    world = World()
    world.step()
    planned = world.plan()

    assert CreatePod not in kinds(planned.actions)
    assert condition(planned.status, ConditionType.AVAILABLE) == ("False", "PodsMissing")
    assert condition(planned.status, ConditionType.PROGRESSING) == ("True", "PodsStarting")


def test_a_condition_that_turns_is_told_once() -> None:
    world = World()
    world.step()
    world.run_pods()

    assert "PodsReady" in [event.reason for event in world.step().events]
    assert world.step().events == ()


def test_an_object_that_is_no_longer_wished_for_is_deleted() -> None:
    world = settled(signaling={"ingress": {"host": "voice.example.org"}})
    key = ObjectKey("Ingress", "voice")
    assert key in world.objects

    world.change(signaling={})
    world.settle()

    assert key not in world.objects


def test_a_spec_with_faults_deletes_nothing() -> None:
    world = settled(signaling={"ingress": {"host": "voice.example.org"}})
    before = world.objects.keys()
    world.change(signaling={"ingress": {}})

    assert Delete not in kinds(world.step().actions)
    assert world.objects.keys() == before


# Pods leave.


def test_scaling_down_drains_the_pods_with_fewest_sessions() -> None:
    world = with_sessions(settled(replicas=3), 5, 1, 3)
    world.change(replicas=1)
    world.settle()

    assert [each.sessions for each in at_work(world)] == [5]
    assert world.cut == []


def test_a_pod_with_calls_stays_until_its_deadline() -> None:
    world = with_sessions(settled(replicas=1), 2)
    world.change(replicas=0)
    world.settle()
    world.now += 3599
    world.settle()

    assert [each.sessions for each in by_name(world)] == [2]
    assert world.status.draining_replicas == 1
    assert world.status.pods[0].phase is PodPhase.DRAINING


def test_at_the_deadline_sessions_are_moved_and_then_the_pod_goes() -> None:
    world = with_sessions(settled(replicas=1, drain={"noticeSeconds": 10}), 2)
    world.change(replicas=0)
    world.settle()
    world.now += 3600
    world.settle()
    (each,) = by_name(world)
    assert each.drain_ends_unix_s == world.now + 10

    world.now += 20
    world.settle()

    assert world.pods == {}
    assert world.cut == [(each.name, 2, 3620)]


def test_a_pod_goes_as_soon_as_its_last_call_ended() -> None:
    world = with_sessions(settled(replicas=1), 1)
    world.change(replicas=0)
    world.settle()
    by_name(world)[0].sessions = 0
    world.settle()

    assert world.pods == {}


def test_a_drain_that_was_lost_on_its_way_is_said_again() -> None:
    world = with_sessions(settled(replicas=1), 1)
    world.change(replicas=0)
    world.step(is_lost=lambda action: type(action).__name__ == "Drain")
    assert not by_name(world)[0].is_draining

    world.settle()

    assert by_name(world)[0].is_draining


def test_scaling_up_puts_draining_pods_to_work_before_it_makes_new_ones() -> None:
    world = with_sessions(settled(replicas=3), 2, 2, 2)
    world.change(replicas=1)
    world.settle()
    names = set(world.pods)
    world.change(replicas=3)
    world.settle()

    assert set(world.pods) == names
    assert len(at_work(world)) == 3


def test_a_pod_that_drained_for_long_and_is_taken_back_has_time_to_become_ready() -> None:
    world = with_sessions(settled(replicas=2), 2, 2)
    world.change(replicas=1)
    world.settle()
    world.now += 900
    names = set(world.pods)
    world.change(replicas=2)
    for _ in range(3):
        world.step()  # and no probe was made yet
    world.settle()

    assert {each.name for each in at_work(world)} == names
    assert world.cut == []


def test_a_pod_that_people_asked_to_drain_is_replaced_and_not_taken_back() -> None:
    world = with_sessions(settled(replicas=1), 1)
    (asked,) = by_name(world)
    annotations = asked.manifest["metadata"]["annotations"]
    annotations[Annotation.DRAIN_SINCE] = "2027-01-15T08:00:00Z"
    annotations[Annotation.DRAIN_CAUSE] = "asked"
    world.settle()

    assert asked.is_draining
    assert not asked.takes_sessions
    assert len(at_work(world)) == 1


# Updates.


def test_an_update_makes_new_pods_first_and_cuts_no_call() -> None:
    world = with_sessions(settled(replicas=3), 4, 4, 4)
    world.change(image="media:2")
    least = 3
    for _ in range(30):
        world.step()
        world.run_pods()
        least = min(least, len(at_work(world)))
        assert len([p for p in world.pods.values() if not p.is_draining]) <= 4

    assert least == 3
    assert images(world) == {"media:2"}
    assert sum(each.sessions for each in world.pods.values()) == 12
    assert world.cut == []


def test_an_update_turned_back_halfway_puts_old_pods_to_work_again() -> None:
    world = with_sessions(settled(replicas=3), 4, 4, 4)
    before = set(world.pods)
    world.change(image="media:2")
    for _ in range(3):
        world.step()
        world.run_pods()
    world.change(image="media:1")
    world.settle()

    assert images(world) == {"media:1"}
    assert {each.name for each in at_work(world)} == before
    assert world.cut == []


def test_a_bad_image_stops_the_update_and_what_ran_goes_on() -> None:
    world = settled(replicas=2)
    world.change(image="media:bad")
    for _ in range(5):
        world.step()
        for each in world.pods.values():
            if not each.is_running:
                each.waiting = "ImagePullBackOff"
    status = world.plan().status

    assert images(world) == {"media:1"}
    assert len(world.pods) == 3
    assert status.phase is Phase.DEGRADED
    assert condition(status, ConditionType.DEGRADED) == ("True", "ImagePullBackOff")
    assert condition(status, ConditionType.AVAILABLE) == ("True", "PodsReady")


def test_with_max_unavailable_and_no_surge_an_old_pod_goes_first() -> None:
    world = settled(replicas=2, update={"maxSurge": 0, "maxUnavailable": 1})
    world.change(image="media:2")
    for _ in range(20):
        world.step()
        assert len([p for p in world.pods.values() if p.is_alive and not p.is_draining]) <= 2
        world.run_pods()

    assert images(world) == {"media:2"}


def test_when_an_update_is_turned_back_two_looks_give_all_new_sessions_to_the_old_revision() -> (
    None
):
    world = with_sessions(settled(replicas=3), 4, 4, 4)
    world.change(image="media:2")
    world.settle()
    assert images(world) == {"media:2"}

    world.change(image="media:1")
    world.step()
    world.run_pods()
    world.step()

    assert images(world) == {"media:1"}
    assert len(at_work(world)) == 3


# A resource goes.


def test_deleting_a_resource_drains_all_pods_before_it_lets_go() -> None:
    world = with_sessions(settled(replicas=2), 1, 0)
    world.is_deleting = True
    world.settle()
    assert world.has_finalizer
    assert [each.sessions for each in by_name(world)] == [1]
    assert world.status.phase is Phase.DELETING

    by_name(world)[0].sessions = 0
    world.settle()

    assert world.is_gone
    assert world.cut == []


def test_a_resource_that_was_deleted_before_it_had_anything_goes_at_once() -> None:
    world = World(has_finalizer=True, is_deleting=True)

    assert kinds(world.plan().actions) == [RemoveFinalizer]


# Flags.


def test_the_share_reaches_the_config_map_before_redis_and_pods() -> None:
    reference = {"urlSecretRef": {"name": "r", "key": "url"}}
    world = World({"image": "media:1", "registry": reference})
    world.secrets["r"] = frozenset({"url"})
    world.flags = Flags()
    world.settle()
    world.change(rollout={"weight": 30})

    first = world.step().actions
    second = world.step().actions

    assert kinds(first) == [Apply, Apply]
    assert kinds(second) == [PublishFlags, PutFlags]
    assert world.flags.text is not None
    assert read_document(world.flags.text).weight_percent == 30
    assert by_name(world)[0].flags_revision == read_document(world.flags.text).revision


def test_a_pod_with_older_flags_is_given_those_in_force() -> None:
    world = settled()
    by_name(world)[0].flags_revision = 0

    assert kinds(world.plan().actions) == [PutFlags]


@pytest.mark.parametrize("sessions", [0, 3])
def test_a_pod_is_marked_busy_while_it_has_calls(sessions: int) -> None:
    world = with_sessions(settled(), 3 - sessions)
    world.settle()
    by_name(world)[0].sessions = sessions
    world.settle()

    assert world.seen(by_name(world)[0].name).is_busy == (sessions > 0)


# When to look again.


def test_a_plan_says_when_the_clock_alone_gives_reason_for_the_next() -> None:
    world = with_sessions(settled(rollout={"weight": 0}), 1)
    assert world.plan().again_unix_s is None

    world.change(replicas=0)
    world.settle()

    assert world.plan().again_unix_s == world.now + 3600
