"""What keeps others from harming pods: a disruption budget for calls, a policy for the network."""

from __future__ import annotations

from typing import Any

from voicemedia_operator.reconcile.names import OPERATOR, TRUE, Label
from voicemedia_operator.reconcile.objects.manifest import Manifest, owned, pods_of
from voicemedia_operator.reconcile.observed import Resource
from voicemedia_operator.spec.media import ADMIN_PORT, HTTP_PORT
from voicemedia_operator.spec.status import MAX_PODS
from voicemedia_operator.spec.voice_media_server import Spec


def disruption_budget(resource: Resource) -> Manifest:
    """No pod with calls is evicted, one without is at any time.

    More are demanded than there can be. `maxUnavailable: 0` would be counted from the resource's
    replicas, and leave room while more pods have calls than are wanted, as in an update.
    """
    busy = {**pods_of(resource.name), Label.BUSY.value: TRUE}
    return owned(
        resource,
        "PodDisruptionBudget",
        f"{resource.name}-busy",
        spec={"minAvailable": MAX_PODS + 1, "selector": {"matchLabels": busy}},
    )


def network_policy(resource: Resource, spec: Spec) -> Manifest:
    """Anybody reaches HTTP and media, where tokens and ICE say who may; the admin port is for the
    operator. What pods themselves connect to is not restricted: Redis, keys and collectors are
    where people have them."""
    mux_port = spec.media.exposure.mux_port
    anybody = [_port(HTTP_PORT, "TCP"), _port(mux_port, "UDP"), _port(mux_port, "TCP")]
    operator = {
        "namespaceSelector": {},
        "podSelector": {"matchLabels": {Label.NAME.value: OPERATOR}},
    }
    return owned(
        resource,
        "NetworkPolicy",
        resource.name,
        spec={
            "podSelector": {"matchLabels": pods_of(resource.name)},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": anybody},
                {"from": [operator], "ports": [_port(ADMIN_PORT, "TCP")]},
            ],
        },
    )


def _port(number: int, protocol: str) -> dict[str, Any]:
    return {"port": number, "protocol": protocol}
