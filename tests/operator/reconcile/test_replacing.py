"""Which pods are made, drained, taken back, deleted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleets.resources import NOW, OLD_REVISION, REVISION, draining, instance, pod, starting
from voicemedia_operator.reconcile.observed import Pod
from voicemedia_operator.reconcile.pods import Cause, is_available, is_working
from voicemedia_operator.reconcile.replacing import Changes, Wish, changes
from voicemedia_operator.spec.capacity import Drain, Update


def wish(replicas: int = 1, *, surge: int = 1, missing: int = 0, **members: Any) -> Wish:
    update = Update(max_surge=surge, max_unavailable=missing)
    return Wish(replicas, REVISION, update, Drain(timeout_s=600), **members)


def old(name: str, sessions: int | None = 0, **members: Any) -> Pod:
    return pod(name, sessions, revision=OLD_REVISION, **members)


def ended(name: str, **members: Any) -> Pod:
    given = {"has_ended": True, "ended_unix_s": NOW, "is_running": False, "is_ready": False}
    return pod(name, None, **{**given, "created_unix_s": NOW - 5, **members})


def found(pods: list[Pod], wanted: Wish) -> Changes:
    return changes(pods, wanted, NOW)


def names(pods: tuple[Pod, ...]) -> list[str]:
    return [each.name for each in pods]


def drained(pods: list[Pod], wanted: Wish) -> list[str]:
    return [each.name for each, _ in found(pods, wanted).drain]


def test_missing_pods_are_made() -> None:
    assert found([pod("a")], wish(3)).create == (0, 0)


def test_a_fleet_as_it_shall_be_is_left_alone() -> None:
    assert found([pod("a"), starting("b")], wish(2)) == Changes()


def test_the_pod_with_fewest_sessions_leaves_first() -> None:
    pods = [pod("a", 3), pod("b", 1), pod("c", 2)]

    assert found(pods, wish(2)).drain == ((pods[1], Cause.SCALE),)
    assert drained(pods, wish(1)) == ["b", "c"]


def test_a_pod_that_does_not_say_what_it_has_leaves_last() -> None:
    assert drained([pod("a", None), pod("b", 9)], wish(1)) == ["b"]


def test_a_pod_that_takes_no_sessions_yet_leaves_before_all_that_do() -> None:
    assert drained([pod("a", 0), starting("b")], wish(1)) == ["b"]


def test_of_equals_the_oldest_revision_leaves_first_and_then_the_first_by_name() -> None:
    older = old("z", 1, created_unix_s=NOW - 9000)
    newer = pod("a", 1, revision="11111bbbbb", created_unix_s=NOW - 8000)
    assert drained([newer, older], wish(0))[0] == "z"
    assert drained([pod("b"), pod("a")], wish(1)) == ["a"]


def test_an_old_pod_waits_until_a_new_one_takes_sessions() -> None:
    assert found([old("a")], wish(1)) == Changes(create=(0,))
    assert drained([old("a"), starting("b")], wish(1)) == []
    assert drained([old("a"), pod("b")], wish(1)) == ["a"]


def test_an_old_pod_that_never_came_up_does_not_hold_up_the_update() -> None:
    broken = starting("a", revision=OLD_REVISION)

    assert drained([broken], wish(1)) == ["a"]


def test_an_old_pod_that_may_have_calls_waits_though_it_is_not_ready() -> None:
    unready = old("a", 4, is_ready=False, ready_changed_unix_s=NOW)

    assert drained([unready], wish(1)) == []
    assert drained([unready, pod("b")], wish(1)) == ["a"]


def test_surge_bounds_how_many_are_made_at_once() -> None:
    pods = [old("a"), old("b"), old("c")]

    assert len(found(pods, wish(3, surge=2)).create) == 2
    assert len(found([*pods, starting("d"), starting("e")], wish(3, surge=2)).create) == 0


def test_with_pods_that_may_be_missing_old_ones_go_at_once() -> None:
    pods = [old("a"), old("b"), old("c")]

    assert drained(pods, wish(3, surge=0, missing=2)) == ["a", "b"]


def test_draining_pods_of_the_wanted_revision_are_taken_back_before_any_is_made() -> None:
    pods = [pod("a"), draining("b", 2), draining("c", 5)]

    assert names(found(pods, wish(2)).take_back) == ["c"]
    assert found(pods, wish(4)).create == (0,)
    assert names(found(pods, wish(4)).take_back) == ["c", "b"]


def test_a_silent_pod_takes_no_place_of_one_that_answers() -> None:
    pods = [pod("a"), draining("b", None), draining("c", 5)]

    assert names(found(pods, wish(2)).take_back) == ["c"]


def test_pods_are_taken_back_at_once_though_the_bad_revision_is_still_at_work() -> None:
    pods = [old("a"), old("b"), old("c"), draining("d", 2), draining("e", 2), pod("f")]
    planned = found(pods, wish(3))

    assert names(planned.take_back) == ["d", "e"]
    assert planned.create == ()


@pytest.mark.parametrize(
    "lost",
    [
        {"revision": OLD_REVISION},
        {"drain_cause": Cause.ASKED},
        {"drain_cause": Cause.STUCK},
        {"drain_since_unix_s": NOW - 600},
        {"is_running": False},
        {"instance": None},
        {"ends_unix_s": NOW + 10},
    ],
)
def test_a_pod_that_is_of_no_use_is_not_taken_back(lost: dict[str, Any]) -> None:
    planned = found([draining("a", 2, **lost)], wish(1))

    assert planned.take_back == ()
    assert planned.create == (0,)


def test_a_pod_that_ended_is_deleted_and_replaced_with_one_attempt_more() -> None:
    planned = found([ended("a", attempt=0)], wish(1))

    assert names(planned.delete) == ["a"]
    assert planned.create == (1,)


def test_failures_of_an_old_revision_do_not_slow_the_new_one_down() -> None:
    assert found([ended("a", revision=OLD_REVISION, attempt=3)], wish(1)).create == (0,)


def test_a_pod_that_is_made_beside_one_that_is_not_ready_has_its_attempt() -> None:
    assert found([starting("a", attempt=2)], wish(2)).create == (2,)


def test_a_pod_that_failed_before_keeps_its_place_for_a_while() -> None:
    assert found([ended("a", attempt=2)], wish(1)) == Changes()


def test_a_pod_that_ended_while_nobody_needs_it_is_only_deleted() -> None:
    for spare in (ended("a", attempt=2, drain_since_unix_s=NOW - 5), ended("a", attempt=0)):
        planned = found([spare, pod("b")], wish(1))

        assert names(planned.delete) == ["a"]
        assert planned.create == ()


def test_a_pod_that_is_stuck_without_calls_is_replaced() -> None:
    stuck = starting("a", attempt=1)
    planned = changes([stuck], wish(1), NOW + 3600)

    assert names(planned.delete) == ["a"]
    assert planned.create == (2,)


def test_a_pod_that_is_stuck_with_calls_drains_instead() -> None:
    stuck = pod("a", 3, is_ready=False, ready_changed_unix_s=NOW - 301)
    planned = found([stuck], wish(1))

    assert planned.drain == ((stuck, Cause.STUCK),)
    assert planned.delete == ()
    assert planned.create == (1,)


def test_a_fleet_that_goes_drains_whole_whatever_may_be_missing() -> None:
    pods = [pod("a", 3), old("b", None, is_ready=False), starting("c")]
    planned = found(pods, wish(0, is_deleting=True))

    assert {each.name for each, _ in planned.drain} == {"a", "b", "c"}
    assert {cause for _, cause in planned.drain} == {Cause.DELETION}


some_pods = st.lists(
    st.builds(
        lambda make, revision, sessions, ready: make(
            revision=revision, sessions=sessions, is_ready=ready
        ),
        st.sampled_from([pod, draining]),
        st.sampled_from([REVISION, OLD_REVISION]),
        st.sampled_from([None, 0, 1, 5]),
        st.booleans(),
    ),
    max_size=9,
)


@given(pods=some_pods, replicas=st.integers(0, 6), surge=st.integers(0, 3), gap=st.integers(0, 3))
def test_no_plan_leaves_its_bounds(pods: list[Pod], replicas: int, surge: int, gap: int) -> None:
    if surge == gap == 0:
        surge = 1
    numbered = [
        pod(
            f"voice-{index}",
            each.sessions,
            revision=each.revision,
            is_ready=each.is_ready,
            is_serving=each.is_serving,
            drain_since_unix_s=each.drain_since_unix_s,
            instance=each.instance or (instance() if each.is_draining else None),
        )
        for index, each in enumerate(pods)
    ]
    planned = found(numbered, wish(replicas, surge=surge, missing=gap))
    leaving = {each.uid for each, _ in planned.drain} | {each.uid for each in planned.delete}
    working = [each for each in numbered if is_working(each)]
    available = [each for each in numbered if is_available(each)]
    left = [each for each in available if each.uid not in leaving]
    grown = len(planned.create) + len(planned.take_back)
    current = [each for each in working if each.revision == REVISION]

    assert not planned.create or len(working) + grown <= replicas + surge
    assert grown == 0 or len(current) + grown <= replicas
    assert len(left) >= min(len(available), replicas - gap)
    assert not {each.uid for each in planned.take_back} & leaving
