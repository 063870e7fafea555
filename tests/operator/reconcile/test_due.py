"""When the clock alone gives reason to look again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleets.resources import NOW, draining, pod, resource, starting
from fleets.situations import situation
from voicemedia_operator.reconcile.due import due_unix_s
from voicemedia_operator.reconcile.observed import Memo, Observed, Pod

QUIET = resource(rollout={"weight": 0})


def due(*pods: Pod, **members: Any) -> int | None:
    given = {"given": QUIET, **members}
    return due_unix_s(situation(*pods, **given))


def test_a_quiet_fleet_waits_for_a_change() -> None:
    assert due(pod("a"), pod("b", 3)) is None


@pytest.mark.parametrize(
    ("seen", "pause_s"),
    [
        (draining("a", 1), 3540),
        (draining("a", 1, drain_since_unix_s=NOW - 3605), 15),
        (starting("a"), 295),
        (pod("a", ends_unix_s=NOW + 40), 40),
        (pod("a", has_ended=True, attempt=1, created_unix_s=NOW - 9, ended_unix_s=NOW - 1), 9),
    ],
)
def test_a_fleet_is_looked_at_when_the_time_of_a_pod_has_come(seen: Pod, pause_s: int) -> None:
    assert due(seen) == NOW + pause_s


def test_the_first_of_all_times_counts() -> None:
    assert due(starting("a"), draining("b", 1)) == NOW + 295


def test_a_share_is_checked_once_in_its_interval() -> None:
    given = resource(rollout={"weight": 5, "analysis": {"intervalSeconds": 30}})

    assert due(pod("a"), given=given) == NOW + 30


def test_a_buffer_is_looked_at_when_a_moment_leaves_its_window() -> None:
    scaling = {"mode": "Buffer", "stabilizationWindowSeconds": 100}
    given = resource(scaling=scaling, rollout={"weight": 0})
    seen = replace(Observed(), memo=Memo(((NOW - 40, 5), (NOW, 2))))

    assert due(pod("a"), given=given, observed=seen) == NOW + 60
