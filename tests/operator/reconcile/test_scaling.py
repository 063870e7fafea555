"""How many pods shall take sessions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleets.resources import NOW, draining, pod, spec_of
from voicemedia_operator.reconcile.observed import Memo, Pod
from voicemedia_operator.reconcile.scaling import remember_enough, wanted_replicas
from voicemedia_operator.spec.voice_media_server import Spec

WINDOW_S = 300


def buffered(**members: Any) -> Spec:
    scaling = {"mode": "Buffer", "bufferSessions": 10, "maxReplicas": 20, **members}
    return spec_of(scaling=scaling, media={"maxSessionsPerPod": 10})


def remembered(memo: Memo, pods: list[Pod], now_unix_s: int = NOW) -> Memo:
    return Memo(remember_enough(buffered(), pods, memo, now_unix_s))


def test_a_fixed_fleet_is_as_people_say() -> None:
    assert wanted_replicas(spec_of(replicas=7), Memo()) == 7


@pytest.mark.parametrize(("asked", "wanted"), [(1, 2), (3, 3), (9, 5), (0, 0)])
def test_an_autoscaler_is_kept_within_bounds_and_may_scale_to_nothing(
    asked: int, wanted: int
) -> None:
    scaling = {"mode": "External", "minReplicas": 2, "maxReplicas": 5}

    assert wanted_replicas(spec_of(replicas=asked, scaling=scaling), Memo()) == wanted


@pytest.mark.parametrize(
    ("sessions", "wanted"), [([0], 1), ([1], 2), ([10, 10], 3), ([10, 1], 3), ([5, 5], 2)]
)
def test_the_buffer_stays_free_beside_all_sessions(sessions: list[int], wanted: int) -> None:
    pods = [pod(f"p{index}", number) for index, number in enumerate(sessions)]
    memo = Memo(((NOW - 1000, 0),))

    assert wanted_replicas(buffered(), remembered(memo, pods)) == wanted


def test_a_buffered_fleet_is_kept_within_bounds() -> None:
    few = buffered(minReplicas=4, maxReplicas=6)

    assert wanted_replicas(few, Memo(((NOW, 1),))) == 4
    assert wanted_replicas(few, Memo(((NOW, 60),))) == 6


def test_scaling_up_never_waits() -> None:
    memo = remembered(Memo(((NOW - 1, 1),)), [pod("a", 10), pod("b", 10)])

    assert wanted_replicas(buffered(), memo) == 3


def test_scaling_down_waits_until_fewer_were_enough_for_the_whole_window() -> None:
    memo = remembered(Memo(((NOW - 1000, 0),)), [pod("a", 10), pod("b", 10)])
    quiet = [pod("a", 0), pod("b", 0)]

    for second in range(1, WINDOW_S):
        memo = remembered(memo, quiet, NOW + second)
        assert wanted_replicas(buffered(), memo) == 3
    memo = remembered(memo, quiet, NOW + WINDOW_S)

    assert wanted_replicas(buffered(), memo) == 1


def test_an_operator_that_just_started_takes_what_is_there_as_needed() -> None:
    quiet = [pod(f"p{index}", 0) for index in range(4)]

    assert wanted_replicas(buffered(), remembered(Memo(), quiet)) == 4


def test_pods_that_fall_silent_make_no_others() -> None:
    pods = [pod(f"p{index}", None) for index in range(4)]

    assert wanted_replicas(buffered(), remembered(Memo(((NOW - 1000, 0),)), pods)) == 4


def test_sessions_that_are_known_make_pods_whoever_is_silent() -> None:
    pods = [pod("a", None), pod("b", 10), pod("c", 10)]

    assert wanted_replicas(buffered(), remembered(Memo(((NOW - 1000, 0),)), pods)) == 3

    full = [pod("a", None), pod("b", 15), pod("c", 16)]
    assert wanted_replicas(buffered(), remembered(Memo(((NOW - 1000, 0),)), full)) == 5


def test_a_pod_that_does_not_say_what_it_has_is_not_taken_for_empty() -> None:
    pods = [pod("a", None), pod("b", 0)]

    assert wanted_replicas(buffered(), remembered(Memo(((NOW - 1000, 0),)), pods)) == 2


def test_draining_pods_keep_their_sessions_to_themselves() -> None:
    pods = [pod("a", 0), draining("b", 10)]

    assert wanted_replicas(buffered(), remembered(Memo(((NOW - 1000, 0),)), pods)) == 1


@given(st.lists(st.tuples(st.integers(1, 100), st.integers(0, 10)), max_size=60))
def test_what_is_remembered_stays_small_and_knows_the_most_of_the_window(
    moments: list[tuple[int, int]],
) -> None:
    memo, now, history = Memo(((NOW - 1000, 0),)), NOW, []
    for pause_s, sessions in moments:
        now += pause_s
        memo = remembered(memo, [pod("a", sessions), pod("b", sessions)], now)
        history.append((now, -(-(2 * sessions + 10) // 10)))
        most = max(enough for at, enough in history if at > now - WINDOW_S)

        assert wanted_replicas(buffered(), memo) == most
        assert len(memo.wanted) <= 4


def test_other_modes_remember_nothing() -> None:
    assert remember_enough(spec_of(), [pod()], Memo(), NOW) == ()
