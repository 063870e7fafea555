"""The place of each pod that is made."""

from __future__ import annotations

from typing import Any

import pytest

from fleets.resources import pod, spec_of
from voicemedia_operator.reconcile.names import pod_name
from voicemedia_operator.reconcile.objects.pod import Place
from voicemedia_operator.reconcile.observed import ObjectKey, Observed, Pod
from voicemedia_operator.reconcile.places import (
    Births,
    Names,
    balanced_address,
    births,
    free_ports,
    has_only_a_name,
    node_port,
)
from voicemedia_operator.spec.media import Exposure

NAMES = Names("voice", "ab12c34d56")
RANGE = {"first": 31000, "last": 31002}


def exposure(**members: Any) -> Exposure:
    return spec_of(media={"exposure": members}).media.exposure


def born(given: Exposure, attempts: list[int], *pods: Pod, **services: Any) -> Births:
    objects = {ObjectKey("Service", name): seen for name, seen in services.items()}
    return births(given, NAMES, attempts, Observed(pods=pods, objects=objects))


def balanced(**way: str) -> dict[str, Any]:
    return {"status": {"loadBalancer": {"ingress": [way]}}}


@pytest.mark.parametrize("mode", ["PodIP", "HostNetwork"])
def test_numbers_go_on_from_the_highest_that_is_there(mode: str) -> None:
    found = born(exposure(mode=mode), [0, 2], pod("a", number=4), pod("b", number=7))

    assert found == Births((Place(8), Place(9, attempt=2)))


@pytest.mark.parametrize("mode", ["PodIP", "NodePort"])
def test_a_number_whose_name_a_pod_has_is_passed_over(mode: str) -> None:
    there = pod(pod_name("voice", NAMES.revision, 5), number=4)
    service = {"spec": {"ports": [{"protocol": "UDP", "nodePort": 30007}]}}
    services = {pod_name("voice", NAMES.revision, number): service for number in (5, 6)}
    found = born(exposure(mode=mode), [0], there, **services)

    assert [each.number for each in found.places] == [6]


def test_a_world_seen_too_early_gives_the_same_numbers_again() -> None:
    seen = [pod("a", number=4)]

    assert born(exposure(), [0, 0], *seen) == born(exposure(), [0, 0], *seen)


def test_ports_are_given_out_without_collision() -> None:
    given = exposure(mode="HostPort", portRange=RANGE)
    found = born(given, [0, 0, 0], pod("a", port=31001, ends_unix_s=1))

    assert [each.port for each in found.places] == [31000, 31002]
    assert free_ports(given, [pod("a", port=31001)]) == (31000, 31002)
    assert free_ports(exposure(), []) == ()


def test_a_pod_is_made_once_its_service_has_what_it_tells_its_clients() -> None:
    name = pod_name("voice", NAMES.revision, 1)
    given = exposure(mode="NodePort")
    service = {"spec": {"ports": [{"protocol": "UDP", "nodePort": 30007}]}}

    assert born(given, [0]) == Births((), (name,))
    assert born(given, [0], **{name: service}) == Births((Place(1, port=30007),), (name,))


def test_a_pod_is_made_once_its_load_balancer_has_an_address() -> None:
    name = pod_name("voice", NAMES.revision, 1)
    given = exposure(mode="LoadBalancer")

    assert born(given, [0], **{name: {}}).places == ()
    found = born(given, [0], **{name: balanced(ip="203.0.113.9")})
    assert found.places == (Place(1, address="203.0.113.9"),)


def test_services_of_pods_that_are_there_are_wanted_too() -> None:
    gone = pod("gone", has_ended=True)
    found = born(exposure(mode="NodePort"), [], pod("a"), pod("b", ends_unix_s=9), gone)

    assert found.services == ("a", "b")


@pytest.mark.parametrize("service", [{}, {"spec": None}, {"spec": {"ports": []}}, {"status": {}}])
def test_a_service_that_was_just_made_has_nothing_yet(service: dict[str, Any]) -> None:
    assert node_port(service) is None
    assert balanced_address(service) is None
    assert not has_only_a_name(service)


def test_a_host_name_is_no_address() -> None:
    assert has_only_a_name(balanced(hostname="lb.example.org"))
    assert not has_only_a_name(balanced(ip="203.0.113.9"))
