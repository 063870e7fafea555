"""What keeps others from harming pods."""

from __future__ import annotations

from typing import Any

from fleets.resources import resource, spec_of
from voicemedia_operator.reconcile.names import Label
from voicemedia_operator.reconcile.objects.guards import disruption_budget, network_policy
from voicemedia_operator.spec.status import MAX_PODS


def test_pods_with_calls_are_never_evicted_and_others_always_may_be() -> None:
    made: Any = disruption_budget(resource())

    assert made["spec"]["selector"]["matchLabels"][Label.BUSY] == "true"
    assert made["spec"]["minAvailable"] > MAX_PODS


def test_the_admin_port_is_for_the_operator_alone() -> None:
    made: Any = network_policy(resource(), spec_of(media={"exposure": {"muxPort": 5000}}))
    anybody, operator = made["spec"]["ingress"]

    assert {(each["port"], each["protocol"]) for each in anybody["ports"]} == {
        (8080, "TCP"),
        (5000, "UDP"),
        (5000, "TCP"),
    }
    assert "from" not in anybody
    assert operator["ports"] == [{"port": 8081, "protocol": "TCP"}]
    (who,) = operator["from"]
    assert who["podSelector"]["matchLabels"][Label.NAME] == "voicemedia-operator"


def test_what_pods_connect_to_is_not_restricted() -> None:
    made: Any = network_policy(resource(), spec_of())

    assert made["spec"]["policyTypes"] == ["Ingress"]
