"""Where clients reach a fleet."""

from __future__ import annotations

from typing import Any

from fleets.resources import resource, spec_of
from voicemedia_operator.reconcile.endpoints import endpoints
from voicemedia_operator.spec.status import Endpoints


def found(**signaling: Any) -> Endpoints:
    return endpoints(resource(), spec_of(signaling=signaling))


def test_without_a_way_in_a_fleet_is_reached_within_the_cluster() -> None:
    assert found().whip == "http://voice.calls.svc/whip"
    assert found().websocket_v2 == "ws://voice.calls.svc/v2/ws"
    assert found().session == "http://voice.calls.svc/v2/session"
    assert found().whep == ""


def test_by_its_ingress_a_fleet_is_reached_under_the_host() -> None:
    ingress = {"host": "voice.example.org"}
    assert found(ingress=ingress).whip == "http://voice.example.org/whip"

    secure = found(ingress=ingress | {"tlsSecretName": "t"}, whep={"enabled": True})
    assert secure.whip == "https://voice.example.org/whip"
    assert secure.whep == "https://voice.example.org/whep"
    assert secure.websocket_v2 == "wss://voice.example.org/v2/ws"


def test_by_its_route_a_fleet_is_reached_under_the_host() -> None:
    route = {"host": "voice.example.org", "gatewayName": "edge"}

    assert found(httpRoute=route).whip == "https://voice.example.org/whip"


def test_an_endpoint_that_nothing_leads_to_is_left_out() -> None:
    assert found(whip={"enabled": False}).whip == ""
    assert found(websocketV2={"enabled": False}).websocket_v2 == ""
