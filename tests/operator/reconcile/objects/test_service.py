"""The Service of a resource."""

from __future__ import annotations

from typing import Any

from fleets.resources import resource, spec_of
from voicemedia_operator.reconcile.names import Label
from voicemedia_operator.reconcile.objects.pod import Place, pod_manifest
from voicemedia_operator.reconcile.objects.service import service


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
