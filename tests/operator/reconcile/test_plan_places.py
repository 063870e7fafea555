"""Whole plans for each way of media to the pods."""

from __future__ import annotations

from typing import Any

from fleets.playing import by_name, condition, images, kinds, settled, with_sessions
from fleets.world import World, WorldPod
from voicemedia_operator.reconcile.actions import (
    CreatePod,
)
from voicemedia_operator.reconcile.observed import ObjectKey
from voicemedia_operator.spec.status import (
    ConditionType,
)


def host_ports(first: int, last: int, **spec: Any) -> World:
    exposure = {"mode": "HostPort", "portRange": {"first": first, "last": last}}
    return settled(media={"exposure": exposure}, **spec)


def advertised(each: WorldPod) -> str:
    (container,) = each.manifest["spec"]["containers"]
    (found,) = [v["value"] for v in container["env"] if v["name"] == "VOICEMEDIA_ADVERTISE"]
    return str(found)


def test_every_pod_has_a_port_of_the_range_for_itself() -> None:
    world = host_ports(31000, 31003, replicas=3)

    assert sorted(map(advertised, world.pods.values())) == [
        "$(HOST_IP):31000",
        "$(HOST_IP):31001",
        "$(HOST_IP):31002",
    ]


def test_without_a_free_port_no_pod_is_made_and_people_are_told() -> None:
    world = with_sessions(host_ports(31000, 31001, replicas=2), 1, 1)
    world.change(image="media:2")
    planned = world.step()

    assert CreatePod not in kinds(planned.actions)
    assert condition(world.plan().status, ConditionType.DEGRADED) == ("True", "PortsExhausted")
    assert images(world) == {"media:1"}


def test_a_port_is_given_again_once_its_pod_is_gone() -> None:
    world = host_ports(31000, 31002, replicas=2)
    for image in ("media:2", "media:3"):
        world.change(image=image)
        world.settle()

    assert images(world) == {"media:3"}
    assert len(set(map(advertised, world.pods.values()))) == 2


def test_a_pod_waits_for_the_port_of_its_service_and_is_then_made_with_it() -> None:
    world = World({"image": "media:1", "media": {"exposure": {"mode": "NodePort"}}})
    first = world.step()
    assert CreatePod not in kinds(first.actions)

    world.settle()
    (each,) = by_name(world)

    assert advertised(each) == "$(HOST_IP):30001"
    assert ObjectKey("Service", each.name) in world.objects


def test_a_pod_tells_the_address_of_its_load_balancer() -> None:
    world = World({"image": "media:1", "media": {"exposure": {"mode": "LoadBalancer"}}})
    world.settle()
    assert world.pods == {}

    world.balancer = "203.0.113.9"
    world.settle()
    (each,) = by_name(world)

    assert advertised(each) == "203.0.113.9"


def test_another_mode_takes_no_service_from_pods_that_have_calls() -> None:
    world = with_sessions(settled(media={"exposure": {"mode": "NodePort"}}), 2)
    (old,) = by_name(world)
    world.change(media={"exposure": {"mode": "PodIP"}})
    world.settle()
    assert old.is_draining
    assert ObjectKey("Service", old.name) in world.objects

    old.sessions = 0
    world.settle()

    assert {key.name for key in world.objects if key.kind == "Service"} == {"voice"}


def test_the_service_of_a_pod_goes_with_the_pod() -> None:
    world = settled(replicas=2, media={"exposure": {"mode": "NodePort"}})
    world.change(image="media:2")
    world.settle()
    services = {key.name for key in world.objects if key.kind == "Service"}

    assert services == {"voice", *world.pods}
    assert images(world) == {"media:2"}
