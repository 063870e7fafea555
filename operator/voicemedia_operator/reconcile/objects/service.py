"""The Service of a resource, which holds only pods that take new sessions, and those of one pod.

Kubernetes' own controller makes its EndpointSlices from the pods' label and readiness, so that
they stay right also while no operator runs.
"""

from __future__ import annotations

from voicemedia_operator.reconcile.names import TRUE, Label
from voicemedia_operator.reconcile.objects.manifest import Manifest, owned, pods_of
from voicemedia_operator.reconcile.objects.pod import MEDIA_TCP, MEDIA_UDP
from voicemedia_operator.reconcile.observed import Resource
from voicemedia_operator.spec.media import ExposureMode
from voicemedia_operator.spec.voice_media_server import Spec

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


def pod_service(resource: Resource, spec: Spec, pod: str) -> Manifest:
    """Of one pod, by its name, for media only: a port of the nodes, or a load balancer.

    It holds the pod also while it is not ready, since calls go on while it drains, and it never
    leads by another node. A load balancer is asked for UDP alone: many take no two protocols.
    """
    exposure = spec.media.exposure
    is_balanced = exposure.mode is ExposureMode.LOAD_BALANCER
    ports = [
        {
            "name": name,
            "port": exposure.mux_port,
            "targetPort": name,
            "protocol": protocol,
        }
        for name, protocol in ((MEDIA_UDP, "UDP"), (MEDIA_TCP, "TCP"))[: 1 if is_balanced else 2]
    ]
    return owned(
        resource,
        "Service",
        pod,
        labels={Label.POD.value: pod},
        spec={
            "type": "LoadBalancer" if is_balanced else "NodePort",
            "selector": {**pods_of(resource.name), Label.POD.value: pod},
            "publishNotReadyAddresses": True,
            "externalTrafficPolicy": "Local",
            "ports": ports,
        },
    )
