"""The Service of a resource."""

from __future__ import annotations

from typing import Any

from fleets.resources import resource, spec_of
from voicemedia_operator.reconcile.names import Label
from voicemedia_operator.reconcile.objects.pod import Place, pod_manifest
from voicemedia_operator.reconcile.objects.service import pod_service, service


def test_the_service_holds_pods_that_take_new_sessions_and_no_others() -> None:
    wanted: Any = service(resource())
    made: Any = pod_manifest(resource(), spec_of(), Place(1))
    labels = made["metadata"]["labels"]

    assert wanted["spec"]["selector"].items() <= labels.items()
    without = {name: value for name, value in labels.items() if name != Label.SERVING}
    assert not wanted["spec"]["selector"].items() <= without.items()


def test_the_service_leads_to_a_port_that_pods_have() -> None:
    wanted: Any = service(resource())
    made: Any = pod_manifest(resource(), spec_of(), Place(1))
    (port,) = wanted["spec"]["ports"]

    assert port["targetPort"] in {each["name"] for each in made["spec"]["containers"][0]["ports"]}


def of_one_pod(mode: str) -> Any:
    spec = spec_of(media={"exposure": {"mode": mode, "muxPort": 5000}})
    return pod_service(resource(), spec, "voice-1")


def test_the_service_of_one_pod_selects_that_pod_also_while_it_drains() -> None:
    made: Any = pod_manifest(resource(), spec_of(), Place(1))
    name, labels = made["metadata"]["name"], made["metadata"]["labels"]
    wanted: Any = pod_service(resource(), spec_of(), name)

    assert wanted["metadata"]["name"] == name
    assert wanted["spec"]["selector"].items() <= labels.items()
    assert Label.SERVING not in wanted["spec"]["selector"]
    assert wanted["spec"]["publishNotReadyAddresses"] is True


def test_media_comes_by_both_protocols_to_a_node_and_by_one_to_a_load_balancer() -> None:
    def protocols(mode: str) -> list[str]:
        return [each["protocol"] for each in of_one_pod(mode)["spec"]["ports"]]

    assert protocols("NodePort") == ["UDP", "TCP"]
    assert protocols("LoadBalancer") == ["UDP"]
    assert {each["port"] for each in of_one_pod("NodePort")["spec"]["ports"]} == {5000}
