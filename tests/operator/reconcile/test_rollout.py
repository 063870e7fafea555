"""The share in force: wishes, steps, rollbacks, and the documents that carry it."""

from __future__ import annotations

from typing import Any

import pytest

from fleets.resources import spec_of
from fleets.rollouts import (
    BAD,
    GOOD,
    go_on,
    in_force,
    report,
    rolling_out,
    share,
    weight,
    wish,
)
from fleets.world import World
from voicemedia_operator.reconcile.actions import Action, Apply
from voicemedia_operator.reconcile.names import flags_config_map
from voicemedia_operator.reconcile.objects.manifest import key_of
from voicemedia_operator.reconcile.objects.settings import FLAGS_KEY
from voicemedia_operator.reconcile.observed import Flags, ObjectKey
from voicemedia_operator.reconcile.rollout import hash_of
from voicemedia_operator.spec.status import RolloutPhase, Status
from voicemedia_rollout.analysis import Measure
from voicemedia_rollout.document import Rollout, read_document, write_document

FLAGS = ObjectKey("ConfigMap", flags_config_map("voice"))


def test_without_steps_a_weight_takes_effect_at_once() -> None:
    world = rolling_out(30, steps=[])

    assert weight(world) == 30
    assert share(world).phase is RolloutPhase.COMPLETED


def test_without_any_rollout_everybody_gets_webrtc() -> None:
    world = World()
    world.settle()

    assert weight(world) == 100


def test_a_share_widens_step_by_step_while_checks_are_good() -> None:
    world = rolling_out()
    assert (weight(world), share(world).step) == (1, 0)
    assert share(world).phase is RolloutPhase.WIDENING

    go_on(world, 50)
    assert weight(world) == 1
    go_on(world, 20)
    assert (weight(world), share(world).step) == (5, 1)
    go_on(world, 80)

    assert (weight(world), share(world).step) == (20, 2)
    assert share(world).phase is RolloutPhase.COMPLETED


def test_a_share_never_widens_without_data() -> None:
    world = rolling_out()
    go_on(world, 600, webrtc=None)

    assert weight(world) == 1


def test_data_of_an_older_revision_says_nothing() -> None:
    world = rolling_out()
    report(world)
    wish(world, overrides=[{"subject": "tenant", "name": "acme", "variant": "webrtc"}])
    go_on(world, 600, webrtc=None)

    assert weight(world) == 1


def test_narrowing_takes_effect_at_once() -> None:
    world = rolling_out(20, steps=[])
    wish(world, weight=5)

    assert weight(world) == 5


def test_a_wider_wish_goes_on_from_the_share_in_force() -> None:
    world = rolling_out(5)
    go_on(world, 80)
    assert weight(world) == 5

    wish(world, weight=20)
    assert weight(world) == 5
    go_on(world, 60)

    assert weight(world) == 20


def test_a_change_of_something_else_does_not_move_the_share() -> None:
    world = rolling_out()
    wish(world, overrides=[{"subject": "tenant", "name": "acme", "variant": "webrtc"}])

    assert weight(world) == 1
    assert [each.name for each in in_force(world).overrides] == ["acme"]


def test_the_kill_switch_works_at_once_and_gives_the_share_back_afterwards() -> None:
    world = rolling_out(20, steps=[])
    wish(world, killSwitch=True)
    assert in_force(world).is_killed
    assert share(world).phase is RolloutPhase.KILLED
    assert share(world).weight_percent == 0

    wish(world, killSwitch=False)

    assert not in_force(world).is_killed
    assert weight(world) == 20


def test_failed_checks_in_a_row_take_the_share_back() -> None:
    world = rolling_out()
    go_on(world, 20, BAD)
    assert weight(world) == 1
    assert share(world).failed_checks == 2

    go_on(world, 10, BAD)

    assert weight(world) == 0
    assert share(world).phase is RolloutPhase.ROLLED_BACK
    assert "setup-failure" in share(world).last_rollback_reason


def test_a_rollback_stays_until_people_wish_something_else() -> None:
    world = rolling_out()
    go_on(world, 30, BAD)
    go_on(world, 600, GOOD)
    assert weight(world) == 0

    wish(world, weight=10)

    assert weight(world) == 1
    assert share(world).failed_checks == 0
    assert share(world).last_rollback_time is not None


def test_a_rollback_outlives_an_operator_that_died_before_it_wrote_status() -> None:
    world = rolling_out()
    before = world.status
    go_on(world, 30, BAD)
    world.status = before
    world.settle()

    assert weight(world) == 0
    assert share(world).phase is RolloutPhase.ROLLED_BACK


def test_a_rollback_outlives_a_status_that_was_wiped() -> None:
    world = rolling_out()
    go_on(world, 30, BAD)
    world.status = Status()
    go_on(world, 100, GOOD)

    assert weight(world) == 0


def test_a_default_that_is_filled_in_is_no_new_wish() -> None:
    bare = spec_of(rollout={"weight": 20})
    filled_in = spec_of(rollout={"weight": 20, "killSwitch": False, "analysis": {"enabled": True}})

    assert hash_of(bare.rollout) == hash_of(filled_in.rollout)
    assert hash_of(bare.rollout) != hash_of(spec_of(rollout={"weight": 21}).rollout)


def test_on_failure_pause_leaves_the_share_as_it_is() -> None:
    world = rolling_out(analysis={"onFailure": "Pause"})
    go_on(world, 30, BAD)
    go_on(world, 300, GOOD)

    assert weight(world) == 1
    assert share(world).phase is RolloutPhase.PAUSED

    wish(world, weight=19)
    go_on(world, 10, GOOD)

    assert weight(world) == 5


def test_too_many_checks_without_data_pause_the_rollout() -> None:
    world = rolling_out(analysis={"inconclusiveLimit": 3})
    go_on(world, 20, webrtc=None)
    assert share(world).phase is RolloutPhase.WIDENING
    go_on(world, 10, webrtc=None)
    assert share(world).phase is RolloutPhase.PAUSED

    go_on(world, 300, GOOD)

    assert weight(world) == 1


def test_without_an_analysis_steps_go_on_by_their_time() -> None:
    world = rolling_out(analysis={"enabled": False})
    go_on(world, 50, webrtc=None)
    assert weight(world) == 1
    go_on(world, 10, webrtc=None)
    assert weight(world) == 5
    go_on(world, 60, webrtc=None)

    assert weight(world) == 20


def test_while_the_resource_is_paused_no_step_is_taken_but_wishes_are_kept() -> None:
    world = rolling_out()
    world.change(paused=True)
    go_on(world, 300)
    assert weight(world) == 1

    wish(world, killSwitch=True)

    assert in_force(world).is_killed


def test_checks_are_made_once_in_an_interval_however_often_is_planned() -> None:
    world = rolling_out()
    report(world, BAD)
    world.now += 10
    for _ in range(20):
        world.step()

    assert share(world).failed_checks == 1


def test_thresholds_reach_the_document_as_they_are_written() -> None:
    threshold = {"measure": "mos", "limit": 4, "worseBy": 0.1}
    world = rolling_out(analysis={"thresholds": [threshold], "minSessions": 7})

    (found,) = in_force(world).analysis.thresholds
    assert (found.measure, found.limit, found.worse_by) == (Measure.MOS, 4, 0.1)
    assert in_force(world).analysis.min_sessions == 7


def test_revisions_rise_above_all_that_pods_and_redis_have() -> None:
    world = World({"image": "media:1", "rollout": {"weight": 5}})
    world.flags = Flags(text=write_document(Rollout(revision=41)))
    world.settle()

    assert in_force(world).revision == 42


@pytest.mark.parametrize("revision", [(1 << 53) - 1, (1 << 53) - 2, (1 << 52) + 1])
def test_a_revision_by_another_hand_that_leaves_none_for_ours_is_passed_over(revision: int) -> None:
    world = rolling_out(20, steps=[])
    world.flags = Flags(text=write_document(Rollout(revision=revision)))
    before = in_force(world).revision
    for each in world.pods.values():
        each.flags_revision = revision
    wish(world, weight=7)

    assert (in_force(world).revision, weight(world)) == (before + 1, 7)


def test_there_are_revisions_above_the_highest_of_another_hand_that_counts() -> None:
    world = rolling_out(20, steps=[])
    world.flags = Flags(text=write_document(Rollout(revision=1 << 52)))
    world.settle()
    for percent in (7, 9):
        wish(world, weight=percent)
        assert weight(world) == percent

    assert in_force(world).revision > 1 << 52


def test_flags_that_somebody_gave_the_highest_revision_of_all_are_made_anew() -> None:
    world = rolling_out(20, steps=[])
    stored: Any = world.objects[FLAGS]
    highest: Any = {FLAGS_KEY: write_document(Rollout(revision=(1 << 53) - 1))}
    world.objects[FLAGS] = {**stored, "data": highest}
    world.settle()
    wish(world, weight=7)

    assert weight(world) == 7


def test_a_document_by_another_hand_is_overwritten() -> None:
    world = rolling_out(20, steps=[])
    world.flags = Flags()
    world.settle()
    by_hand = in_force(world).changed(by="somebody", reason="", now_unix_s=1, weight_percent=90)
    world.flags = Flags(text=write_document(by_hand))
    world.settle()

    assert world.flags.text is not None
    assert read_document(world.flags.text) == in_force(world)
    assert weight(world) == 20
    assert in_force(world).revision > by_hand.revision


def test_flags_that_somebody_dated_far_ahead_are_planned_with() -> None:
    world = rolling_out()
    go_on(world, 30, BAD)
    stored: Any = world.objects[FLAGS]
    ahead = Rollout.model_validate({**in_force(world).model_dump(), "changed_unix_s": 10**18})
    data: Any = {FLAGS_KEY: write_document(ahead)}
    world.objects[FLAGS] = {**stored, "data": data}
    world.settle()

    assert share(world).phase is RolloutPhase.ROLLED_BACK


def test_a_text_by_another_hand_is_overtaken_though_its_revision_and_rollout_are_ours() -> None:
    world = rolling_out(20, steps=[])
    world.flags = Flags()
    world.settle()
    ours = in_force(world)
    by_hand = write_document(ours).replace('"ENABLED"', '"DISABLED"')
    assert read_document(by_hand) == ours
    world.flags = Flags(text=by_hand)
    world.settle()

    assert in_force(world).revision > ours.revision
    assert world.flags.text == write_document(in_force(world))


def test_a_lost_config_map_is_made_anew_under_a_higher_revision() -> None:
    world = rolling_out(20, steps=[])
    revision = in_force(world).revision
    lose_the_flags(world)
    world.settle()

    assert weight(world) == 20
    assert in_force(world).revision > revision


def lose_the_flags(world: World) -> None:
    world.objects.pop(FLAGS)


def test_a_rollback_outlives_a_config_map_that_is_lost() -> None:
    world = rolling_out()
    go_on(world, 30, BAD)
    before = share(world)
    lose_the_flags(world)
    world.settle()
    go_on(world, 600, GOOD)

    assert weight(world) == 0
    assert share(world).phase is RolloutPhase.ROLLED_BACK
    assert share(world).last_rollback_reason == before.last_rollback_reason
    assert share(world).last_rollback_time == before.last_rollback_time


def test_a_pause_outlives_a_config_map_that_is_lost() -> None:
    world = rolling_out(analysis={"onFailure": "Pause"})
    go_on(world, 30, BAD)
    lose_the_flags(world)
    world.settle()
    go_on(world, 300, GOOD)

    assert weight(world) == 1
    assert share(world).phase is RolloutPhase.PAUSED


def test_a_lost_config_map_takes_nobody_a_step_back() -> None:
    world = rolling_out()
    go_on(world, 80)
    assert weight(world) == 5
    lose_the_flags(world)
    world.settle()

    assert weight(world) == 5
    assert share(world).step == 1


def test_a_kill_outlives_a_config_map_that_is_lost() -> None:
    world = rolling_out(20, steps=[], killSwitch=True)
    lose_the_flags(world)
    world.settle()
    assert in_force(world).is_killed

    wish(world, killSwitch=False)

    assert weight(world) == 20


def test_a_wish_that_comes_while_the_config_map_is_lost_is_a_new_beginning() -> None:
    world = rolling_out()
    go_on(world, 30, BAD)
    lose_the_flags(world)
    wish(world, weight=10)

    assert weight(world) == 1
    assert share(world).phase is RolloutPhase.WIDENING


def is_of_the_flags(action: Action) -> bool:
    return isinstance(action, Apply) and key_of(action.manifest) == FLAGS


def test_a_change_that_is_not_yet_written_keeps_its_revision() -> None:
    world = rolling_out(20, steps=[])
    before = share(world).revision
    world.change(rollout={"weight": 7})
    told = []
    for _ in range(5):
        world.step(is_lost=is_of_the_flags)
        told.append((share(world).revision, share(world).weight_percent))
    world.settle()

    assert told == [(before + 1, 7)] * 5
    assert (in_force(world).revision, weight(world)) == (before + 1, 7)


def test_two_changes_that_are_not_yet_written_have_a_revision_each() -> None:
    world = rolling_out(20, steps=[])
    before = share(world).revision
    for percent in (7, 9):
        world.change(rollout={"weight": percent})
        world.step(is_lost=is_of_the_flags)
    world.settle()

    assert (in_force(world).revision, weight(world)) == (before + 2, 9)


def test_a_rollback_that_is_not_yet_written_stays_one() -> None:
    world = rolling_out()
    go_on(world, 20, BAD)
    report(world, BAD)
    world.now += 10
    world.step(is_lost=is_of_the_flags)
    told = share(world)
    assert told.phase is RolloutPhase.ROLLED_BACK
    for _ in range(3):
        world.now += 10
        world.step(is_lost=is_of_the_flags)
    world.settle()

    counts = {"failed_checks": told.failed_checks}
    assert share(world).model_copy(update=counts) == told
    assert weight(world) == 0


@pytest.mark.parametrize("text", ["{", '{"flags": {}}'])
def test_a_document_in_redis_that_is_none_of_ours_is_overwritten(text: str) -> None:
    world = rolling_out(20, steps=[])
    world.flags = Flags(text=text)
    world.settle()

    assert world.flags.text == write_document(in_force(world))


def test_while_redis_is_down_pods_are_told_all_the_same() -> None:
    world = rolling_out(20, steps=[])
    world.flags = Flags(is_reachable=False)
    wish(world, weight=7)

    assert {each.flags_revision for each in world.pods.values()} == {in_force(world).revision}
