"""How a pod leaves."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from fleets.resources import NOW, draining, instance, pod, starting
from voicemedia_operator.reconcile.actions import Action, DeletePod, Drain, Mark, Undrain
from voicemedia_operator.reconcile.draining import (
    begin_drain,
    deadline_unix_s,
    keep_to_its_mark,
    last_unix_s,
    take_back,
)
from voicemedia_operator.reconcile.names import Annotation, Label
from voicemedia_operator.reconcile.observed import Pod
from voicemedia_operator.reconcile.pods import Cause
from voicemedia_operator.reconcile.reading import read_time
from voicemedia_operator.spec import capacity

DRAIN = capacity.Drain(timeout_s=600, notice_s=20)
SINCE = NOW - 60


def kept(seen: Pod, now_unix_s: int = NOW) -> list[Action]:
    return list(keep_to_its_mark(seen, DRAIN, now_unix_s))


def test_a_drain_is_written_on_the_pod_before_the_pod_is_told() -> None:
    mark, told = begin_drain(pod(), Cause.UPDATE, NOW)

    assert isinstance(mark, Mark)
    assert mark.labels == {Label.SERVING: None}
    assert mark.annotations[Annotation.DRAIN_CAUSE] == "update"
    assert read_time(mark.annotations[Annotation.DRAIN_SINCE]) == NOW
    assert told == Drain("voice-1", "uid-voice-1")


def test_a_pod_that_does_not_run_is_not_told() -> None:
    assert [type(each) for each in begin_drain(starting(), Cause.SCALE, NOW)] == [Mark]


def test_a_pod_is_taken_back_by_taking_all_marks_away() -> None:
    mark, told = take_back(draining(), NOW)

    assert isinstance(mark, Mark)
    assert mark.labels == {Label.SERVING: "true"}
    assert mark.annotations[Annotation.DRAIN_SINCE] is None
    assert mark.annotations[Annotation.DRAIN_CAUSE] is None
    assert told == Undrain("voice-1", "uid-voice-1")


@pytest.mark.parametrize("marks", [take_back(draining(), NOW), kept(pod(is_serving=False))])
def test_since_when_a_pod_is_at_work_again_is_written_on_it(marks: Iterable[Action]) -> None:
    mark = next(iter(marks))

    assert isinstance(mark, Mark)
    assert read_time(mark.annotations[Annotation.SERVING_SINCE]) == NOW


def test_work_that_is_said_to_begin_later_begins_now() -> None:
    (mark,) = kept(pod(serving_since_unix_s=NOW + 1))

    assert isinstance(mark, Mark)
    assert read_time(mark.annotations[Annotation.SERVING_SINCE]) == NOW
    assert kept(pod(serving_since_unix_s=NOW)) == []


def test_the_deadline_is_where_it_was_after_a_change_of_operators() -> None:
    assert deadline_unix_s(draining(), DRAIN) == SINCE + 600
    assert last_unix_s(draining(), DRAIN) == SINCE + 630
    assert deadline_unix_s(pod(), DRAIN) is None
    assert last_unix_s(pod(), DRAIN) is None


def test_a_pod_that_does_as_is_written_on_it_is_left_alone() -> None:
    assert kept(pod(sessions=3)) == []
    assert kept(pod(sessions=None)) == []
    assert kept(starting()) == []
    assert kept(draining(sessions=3)) == []
    assert kept(draining(sessions=None)) == []


def test_a_pod_that_does_not_drain_though_it_shall_is_told_again() -> None:
    assert kept(draining(instance=instance(3))) == [Drain("voice-1", "uid-voice-1")]


def test_a_pod_that_drains_though_it_shall_not_is_taken_back() -> None:
    assert kept(pod(instance=instance(3, is_draining=True))) == [Undrain("voice-1", "uid-voice-1")]


def test_a_label_that_was_lost_or_came_back_is_put_right() -> None:
    (found,) = kept(pod(is_serving=False))
    assert isinstance(found, Mark)
    assert found.labels == {Label.SERVING: "true"}

    (found,) = kept(draining(sessions=2, is_serving=True))
    assert isinstance(found, Mark)
    assert found.labels == {Label.SERVING: None}


def test_a_drain_that_is_said_to_begin_later_begins_now() -> None:
    (mark,) = kept(draining(sessions=2, drain_since_unix_s=NOW + 1))

    assert isinstance(mark, Mark)
    assert mark.labels == {}
    assert mark.annotations == {Annotation.DRAIN_SINCE: mark.annotations[Annotation.DRAIN_SINCE]}
    assert read_time(mark.annotations[Annotation.DRAIN_SINCE]) == NOW


def test_a_drained_pod_is_deleted() -> None:
    assert kept(draining(sessions=0)) == [DeletePod("voice-1", "uid-voice-1")]


def test_a_pod_that_says_nothing_is_not_taken_for_drained() -> None:
    assert kept(draining(sessions=None), SINCE + 629) == []
    assert kept(draining(sessions=None), SINCE + 630) == [DeletePod("voice-1", "uid-voice-1")]


def test_sessions_are_moved_at_the_deadline_and_not_before() -> None:
    assert kept(draining(sessions=2), SINCE + 599) == []
    assert kept(draining(sessions=2), SINCE + 600) == [
        Drain("voice-1", "uid-voice-1", limit_s=0, notice_s=20)
    ]


def test_sessions_that_are_being_moved_are_not_moved_again() -> None:
    moving = draining(instance=instance(2, is_draining=True, drain_ends_unix_s=SINCE + 620))

    assert kept(moving, SINCE + 605) == []


def test_a_pod_that_would_take_longer_than_it_may_is_told_the_deadline() -> None:
    slow = draining(instance=instance(2, is_draining=True, drain_ends_unix_s=SINCE + 9000))

    assert kept(slow, SINCE + 600) == [Drain("voice-1", "uid-voice-1", limit_s=0, notice_s=20)]


def test_a_notice_that_begins_late_ends_when_it_would_have() -> None:
    for late_s, notice_s in ((5, 15), (19, 1), (25, 0)):
        assert kept(draining(sessions=2), SINCE + 600 + late_s) == [
            Drain("voice-1", "uid-voice-1", limit_s=0, notice_s=notice_s)
        ]


def test_a_notice_that_runs_is_never_begun_anew() -> None:
    for begun_s in (600, 605, 615):
        ends_unix_s = SINCE + begun_s + 20
        moving = draining(instance=instance(2, is_draining=True, drain_ends_unix_s=ends_unix_s))
        for now_unix_s in range(SINCE + begun_s, SINCE + 630):
            assert kept(moving, now_unix_s) == []


def test_a_pod_is_deleted_with_its_sessions_only_after_the_notice() -> None:
    moving = draining(instance=instance(2, is_draining=True, drain_ends_unix_s=SINCE + 620))

    assert kept(moving, SINCE + 629) == []
    assert kept(moving, SINCE + 630) == [DeletePod("voice-1", "uid-voice-1")]


def test_a_pod_that_others_delete_ends_by_its_own_drain() -> None:
    assert kept(draining(sessions=0, ends_unix_s=NOW + 60)) == []
    assert kept(pod(is_serving=False, ends_unix_s=NOW + 60)) == []
