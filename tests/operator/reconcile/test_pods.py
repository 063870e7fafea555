"""What a pod is to its fleet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleets.resources import NOW, draining, instance, pod, starting
from voicemedia_operator.reconcile.observed import Pod
from voicemedia_operator.reconcile.pods import (
    attempt_after,
    is_alive,
    is_available,
    is_drained,
    is_stuck,
    is_working,
    phase_of,
    replaced_at_unix_s,
    stuck_at_unix_s,
)
from voicemedia_operator.spec.status import PodPhase


def ended(lived_s: int = 5, **members: Any) -> Pod:
    return pod(
        has_ended=True,
        is_running=False,
        is_ready=False,
        created_unix_s=NOW - lived_s,
        ended_unix_s=NOW,
        **members,
    )


def test_a_pod_is_available_while_all_agree_that_it_takes_sessions() -> None:
    assert is_available(pod())
    assert is_available(pod(sessions=None))
    assert not is_available(starting())
    assert not is_available(draining())
    assert not is_available(pod(is_serving=False))
    assert not is_available(pod(instance=instance(is_draining=True)))


def test_a_pod_that_somebody_deleted_is_neither_alive_nor_at_work() -> None:
    leaving = pod(ends_unix_s=NOW + 30)

    assert not is_alive(leaving)
    assert not is_working(leaving)


def test_a_pod_that_starts_is_at_work_and_one_that_drains_is_not() -> None:
    assert is_working(starting())
    assert not is_working(draining())
    assert is_alive(draining())


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (starting(), PodPhase.STARTING),
        (pod(), PodPhase.READY),
        (draining(sessions=2), PodPhase.DRAINING),
        (draining(sessions=0), PodPhase.DRAINED),
        (pod(ends_unix_s=NOW), PodPhase.DRAINING),
        (ended(), PodPhase.DRAINED),
    ],
)
def test_every_pod_has_a_phase(seen: Pod, phase: PodPhase) -> None:
    assert phase_of(seen) is phase


def test_a_pod_is_drained_when_it_says_so_itself() -> None:
    assert is_drained(draining(sessions=0))
    assert not is_drained(draining(sessions=1))
    assert not is_drained(draining(sessions=None))


def test_a_pod_that_has_not_heard_of_its_drain_is_not_drained() -> None:
    assert not is_drained(draining(instance=instance(0)))


def test_a_pod_that_drains_and_does_not_run_has_no_sessions_to_wait_for() -> None:
    assert is_drained(draining(sessions=None, is_running=False))


def test_a_pod_that_drains_or_cannot_be_placed_is_never_stuck() -> None:
    assert stuck_at_unix_s(pod()) is None
    assert stuck_at_unix_s(draining()) is None
    assert stuck_at_unix_s(starting(trouble="Unschedulable")) is None


@pytest.mark.parametrize(("attempt", "pause_s"), [(0, 300), (1, 600), (3, 2400), (9, 3600)])
def test_each_attempt_is_given_twice_the_time_up_to_an_hour(attempt: int, pause_s: int) -> None:
    seen = starting(attempt=attempt)

    assert stuck_at_unix_s(seen) == seen.created_unix_s + pause_s
    assert is_stuck(seen, seen.created_unix_s + pause_s)
    assert not is_stuck(seen, seen.created_unix_s + pause_s - 1)


def test_a_pod_that_was_ready_is_given_its_time_from_when_it_was_no_longer() -> None:
    assert stuck_at_unix_s(pod(is_ready=False, ready_changed_unix_s=NOW)) == NOW + 300


def test_a_pod_that_was_taken_back_is_given_its_time_from_then_on() -> None:
    back = pod(is_ready=False, ready_changed_unix_s=NOW - 900, serving_since_unix_s=NOW - 1)

    assert stuck_at_unix_s(back) == NOW + 299


def test_a_pod_that_is_not_yet_given_its_label_back_is_not_stuck() -> None:
    assert stuck_at_unix_s(pod(is_ready=False, ready_changed_unix_s=0, is_serving=False)) is None


def test_the_first_failure_is_made_good_at_once() -> None:
    assert replaced_at_unix_s(ended()) <= NOW


@pytest.mark.parametrize(("attempt", "pause_s"), [(1, 10), (2, 20), (5, 160), (9, 300)])
def test_later_failures_wait_twice_as_long_each_up_to_five_minutes(
    attempt: int, pause_s: int
) -> None:
    assert replaced_at_unix_s(ended(attempt=attempt)) == NOW + pause_s


def test_a_pod_that_lived_well_is_a_new_beginning() -> None:
    assert attempt_after(ended(lived_s=600, attempt=4)) == 0
    assert replaced_at_unix_s(ended(lived_s=600, attempt=4)) <= NOW
    assert attempt_after(ended(lived_s=599, attempt=4)) == 5


def test_a_pod_of_which_nobody_knows_when_it_ended_counts_from_its_birth() -> None:
    lost = replace(ended(attempt=1), ended_unix_s=None)

    assert replaced_at_unix_s(lost) == lost.created_unix_s + 10
