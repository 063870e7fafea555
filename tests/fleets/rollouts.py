"""Rollouts on their way, and what people and pods do to them."""

from __future__ import annotations

from typing import Any

from fleets.world import World
from voicemedia_operator.reconcile.names import flags_config_map
from voicemedia_operator.reconcile.objects.config_maps import read_flags
from voicemedia_operator.reconcile.observed import ObjectKey
from voicemedia_operator.spec.status import RolloutStatus
from voicemedia_rollout.document import Rollout, Variant, read_document
from voicemedia_rollout.figures import Figures, Report

GOOD = Figures(connected=100, ended=100, rated=100, mos=430)
BAD = Figures(connected=50, setup_failed=50, ended=100, rated=100, mos=430)
STEPS = [{"weight": 1, "holdSeconds": 60}, {"weight": 5, "holdSeconds": 60}, {"weight": 20}]


def rolling_out(weight: int = 20, **members: Any) -> World:
    """A fleet of one pod, and a share on its way."""
    world = World({"image": "media:1", "rollout": {"weight": weight, "steps": STEPS, **members}})
    world.settle()
    return world


def in_force(world: World) -> Rollout:
    key = ObjectKey("ConfigMap", flags_config_map("voice"))
    text = read_flags(world.objects.get(key))
    assert text is not None
    return read_document(text)


def weight(world: World) -> float:
    return in_force(world).weight_percent


def report(world: World, webrtc: Figures = GOOD) -> None:
    """What the pods counted under the revision in force."""
    variants = {Variant.WEBRTC: webrtc, Variant.WEBSOCKET: GOOD}
    for each in world.pods.values():
        each.report = Report(in_force(world).revision, variants)


def go_on(world: World, seconds: int, webrtc: Figures | None = GOOD) -> None:
    """Time goes by, with reports or without."""
    for _ in range(0, seconds, 10):
        world.now += 10
        if webrtc is not None:
            report(world, webrtc)
        world.settle()


def wish(world: World, **members: Any) -> None:
    """`kubectl patch` of spec.rollout."""
    world.change(rollout={**world.spec["rollout"], **members})
    world.settle()


def share(world: World) -> RolloutStatus:
    return world.status.rollout
