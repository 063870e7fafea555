"""Which request goes where, by the Ingress objects."""

from __future__ import annotations

import pytest

from cluster.ingress.objects import (
    CLASS,
    a_path,
    a_service,
    a_slice,
    an_ingress,
    objects,
)
from cluster.ingress.routes import Match, Objects, Route, routes
from cluster.watching import Document


def ends(given: Objects) -> tuple[str, ...]:
    """Of the only route."""
    (route,) = routes(given, CLASS)
    return route.ends


def test_a_path_goes_to_the_ready_pods_of_its_service() -> None:
    slices = (a_slice("10.0.0.2", "10.0.0.1", waiting=("10.0.0.3",)),)

    assert ends(objects(an_ingress(a_path("/whip")), slices=slices)) == (
        "10.0.0.1:8080",
        "10.0.0.2:8080",
    )


def test_pods_of_all_slices_of_a_service_are_taken_and_no_other_services() -> None:
    slices = (a_slice("10.0.0.1"), a_slice("10.0.0.2"), a_slice("10.0.0.3", service="other"))

    assert ends(objects(an_ingress(a_path()), slices=slices)) == ("10.0.0.1:8080", "10.0.0.2:8080")


def test_readiness_that_is_not_said_means_ready() -> None:
    part = a_slice("10.0.0.1")
    del part["endpoints"][0]["conditions"]

    assert ends(objects(an_ingress(a_path()), slices=(part,))) == ("10.0.0.1:8080",)


@pytest.mark.parametrize("port", [{"number": 80}, {"name": "http"}])
def test_a_port_is_found_by_number_or_by_name(port: Document) -> None:
    assert ends(objects(an_ingress(a_path(port=port)))) == ("10.0.0.1:8080",)


def test_a_service_with_one_port_need_not_name_it() -> None:
    part = a_slice("10.0.0.1")
    del part["ports"][0]["name"]

    found = objects(
        an_ingress(a_path()), services=(a_service("web", {"port": 80}),), slices=(part,)
    )

    assert ends(found) == ("10.0.0.1:8080",)


@pytest.mark.parametrize(
    "given",
    [
        objects(an_ingress(a_path(service="none"))),
        objects(an_ingress(a_path(port={"number": 81}))),
        objects(an_ingress(a_path()), slices=()),
    ],
    ids=["no service", "no port", "no pod"],
)
def test_a_path_without_a_ready_pod_is_a_route_to_nobody(given: Objects) -> None:
    assert ends(given) == ()


def test_an_ingress_of_another_class_is_left_alone() -> None:
    assert routes(objects(an_ingress(a_path())), "another") == []


def test_of_two_that_say_the_same_the_older_one_holds() -> None:
    services = (a_service("old"), a_service("new"))
    slices = (a_slice("10.0.0.1", service="old"), a_slice("10.0.0.2", service="new"))
    young = an_ingress(a_path(service="new"), name="a", created="2026-02-01T00:00:00Z")
    old = an_ingress(a_path(service="old"), name="b", created="2026-01-01T00:00:00Z")

    assert ends(objects(young, old, services=services, slices=slices)) == ("10.0.0.1:8080",)


def test_a_slash_at_the_end_of_a_prefix_says_nothing() -> None:
    (route,) = routes(objects(an_ingress(a_path("/whip/"))), CLASS)

    assert route == Route("", Match.PREFIX, "/whip", ("10.0.0.1:8080",))


def test_the_default_backend_takes_what_no_rule_takes() -> None:
    ingress = an_ingress(a_path("/whip"), host="calls.example")
    ingress["spec"]["defaultBackend"] = a_path()["backend"]

    found = routes(objects(ingress), CLASS)

    assert [(route.host, route.path) for route in found] == [("", "/"), ("calls.example", "/whip")]


def test_an_address_of_ipv6_is_in_brackets() -> None:
    found = objects(an_ingress(a_path()), slices=(a_slice("fd00::1"),))

    assert ends(found) == ("[fd00::1]:8080",)
