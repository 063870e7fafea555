"""Whole plans for a rollout: what people are told of it."""

from __future__ import annotations

from fleets.playing import condition
from fleets.rollouts import BAD, GOOD, go_on, report, rolling_out, weight, wish
from fleets.world import World
from voicemedia_operator.reconcile.actions import Event
from voicemedia_operator.spec.status import ConditionType


def healthy(world: World) -> tuple[str, str]:
    return condition(world.status, ConditionType.ROLLOUT_HEALTHY)


def events(world: World) -> list[Event]:
    """Of the check that comes next."""
    world.now += 10
    return list(world.step().events)


def test_a_share_is_healthy_while_checks_pass() -> None:
    world = rolling_out()
    go_on(world, 20)

    assert healthy(world) == ("True", "ChecksPass")


def test_without_data_nobody_knows() -> None:
    world = rolling_out()
    go_on(world, 20, webrtc=None)

    assert healthy(world) == ("Unknown", "TooLittleData")


def test_checks_that_fail_are_told_before_the_share_is_taken_back() -> None:
    world = rolling_out()
    go_on(world, 10, BAD)

    assert healthy(world) == ("False", "ChecksFail")
    assert weight(world) == 1


def test_between_two_checks_the_last_one_counts() -> None:
    world = rolling_out()
    go_on(world, 10, BAD)
    report(world, GOOD)
    world.now += 1
    world.step()

    assert healthy(world) == ("False", "ChecksFail")


def test_a_rollback_is_told_for_as_long_as_it_lasts() -> None:
    world = rolling_out()
    go_on(world, 30, BAD)
    go_on(world, 300, GOOD)
    assert healthy(world) == ("False", "RolledBack")

    wish(world, weight=10)
    assert healthy(world) != ("False", "RolledBack")


def test_a_rollout_that_waits_for_people_says_so() -> None:
    world = rolling_out(analysis={"onFailure": "Pause"})
    go_on(world, 30, BAD)
    go_on(world, 300, GOOD)
    assert healthy(world) == ("False", "Paused")

    lost = rolling_out(analysis={"inconclusiveLimit": 2})
    go_on(lost, 60, webrtc=None)
    assert healthy(lost) == ("Unknown", "Paused")


def test_nothing_is_judged_under_the_kill_switch() -> None:
    world = rolling_out(killSwitch=True)
    go_on(world, 30, BAD)

    assert healthy(world) == ("True", "NothingFound")


def test_a_rollback_is_an_event_with_its_reason() -> None:
    world = rolling_out()
    go_on(world, 20, BAD)
    report(world, BAD)
    (told,) = events(world)

    assert told.reason == "RolledBack"
    assert told.is_warning
    assert "setup-failure" in told.message


def test_a_step_is_an_event_that_warns_of_nothing() -> None:
    world = rolling_out()
    go_on(world, 50)
    report(world)
    (told,) = events(world)

    assert told.reason == "ShareWidened"
    assert not told.is_warning
