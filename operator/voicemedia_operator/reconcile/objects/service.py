"""The Service of a resource, which holds only pods that take new sessions.

Kubernetes' own controller makes its EndpointSlices from the pods' label and readiness, so that
they stay right also while no operator runs.
"""

from __future__ import annotations

from voicemedia_operator.reconcile.names import TRUE, Label
from voicemedia_operator.reconcile.objects.manifest import Manifest, owned, pods_of
from voicemedia_operator.reconcile.observed import Resource

SERVICE_PORT = 80
PORT_NAME = "http"


def service(resource: Resource) -> Manifest:
    """Within the cluster, by the resource's own name."""
    return owned(
        resource,
        "Service",
        resource.name,
        spec={
            "type": "ClusterIP",
            "selector": {**pods_of(resource.name), Label.SERVING.value: TRUE},
            "ports": [
                {
                    "name": PORT_NAME,
                    "port": SERVICE_PORT,
                    "targetPort": PORT_NAME,
                    "protocol": "TCP",
                }
            ],
        },
    )
