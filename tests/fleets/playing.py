"""Worlds to begin a test with, and what is asked of them."""

from __future__ import annotations

from typing import Any

from fleets.world import World, WorldPod
from voicemedia_operator.reconcile.actions import (
    Action,
)
from voicemedia_operator.spec.status import (
    ConditionType,
    Status,
)


def settled(**spec: Any) -> World:
    """A fleet that was made, and of which nothing is left to do."""
    world = World({"image": "media:1", **spec})
    world.settle()
    return world


def with_sessions(world: World, *sessions: int) -> World:
    """Sessions on its pods, in the order of their names."""
    for each, number in zip(by_name(world), sessions, strict=True):
        each.sessions = number
    return world


def by_name(world: World) -> list[WorldPod]:
    return sorted(world.pods.values(), key=lambda each: each.name)


def at_work(world: World) -> list[WorldPod]:
    return [each for each in by_name(world) if each.takes_sessions]


def kinds(actions: tuple[Action, ...]) -> list[type[Action]]:
    return [type(each) for each in actions]


def condition(status: Status, kind: ConditionType) -> tuple[str, str]:
    (found,) = [each for each in status.conditions if each.type is kind]
    return found.status.value, found.reason


def images(world: World) -> set[str]:
    """Of the pods that take sessions."""
    return {each.manifest["spec"]["containers"][0]["image"] for each in at_work(world)}
