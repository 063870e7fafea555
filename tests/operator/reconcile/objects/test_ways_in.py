"""The ways in from outside the cluster."""

from __future__ import annotations

from typing import Any

import pytest

from fleets.resources import resource, spec_of
from voicemedia_operator.reconcile.objects.ways_in import http_route, ingress

HOST = "voice.example.org"


def made_ingress(given: dict[str, Any] | None = None, **signaling: Any) -> Any:
    members = {"ingress": {"host": HOST, **(given or {})}, **signaling}
    return ingress(resource(), spec_of(signaling=members))


def made_route(given: dict[str, Any] | None = None, **signaling: Any) -> Any:
    members = {"httpRoute": {"host": HOST, "gatewayName": "edge", **(given or {})}, **signaling}
    return http_route(resource(), spec_of(signaling=members))


def paths_of(made: Any) -> dict[str, str]:
    (only,) = made["spec"]["rules"]
    if "http" in only:
        return {each["path"]: each["pathType"] for each in only["http"]["paths"]}
    return {each["path"]["value"]: each["path"]["type"] for each in only["matches"]}


def test_nothing_leads_in_unless_somebody_wishes_it() -> None:
    assert ingress(resource(), spec_of()) is None
    assert http_route(resource(), spec_of()) is None


@pytest.mark.parametrize("make", [made_ingress, made_route])
def test_all_that_is_enabled_is_led_to_and_nothing_else(make: Any) -> None:
    found = paths_of(make(whip={"enabled": False}, whep={"enabled": True}))

    assert {"/", "/v2/session", "/v2/ws", "/whep"} <= found.keys()
    assert "/whip" not in found
    assert found["/"] == "Exact"
    assert not {"/metrics", "/stats", "/readyz"} & found.keys()


def test_an_ingress_is_as_people_wish_it() -> None:
    annotations = {"nginx.ingress.kubernetes.io/proxy-read-timeout": "3600"}
    made = made_ingress({"className": "nginx", "tlsSecretName": "cert", "annotations": annotations})

    assert made["spec"]["ingressClassName"] == "nginx"
    assert made["spec"]["tls"] == [{"hosts": [HOST], "secretName": "cert"}]
    assert made["metadata"]["annotations"] == annotations
    assert not {"ingressClassName", "tls"} & made_ingress()["spec"].keys()


def test_a_route_belongs_to_its_gateway() -> None:
    (parent,) = made_route()["spec"]["parentRefs"]
    assert (parent["name"], parent["namespace"]) == ("edge", "calls")

    named = made_route({"gatewayNamespace": "infra", "sectionName": "https"})
    (parent,) = named["spec"]["parentRefs"]
    assert (parent["namespace"], parent["sectionName"]) == ("infra", "https")


def test_a_route_has_no_more_matches_than_the_gateway_api_takes() -> None:
    assert len(paths_of(made_route(whep={"enabled": True}))) <= 8
