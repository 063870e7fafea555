"""The ways in from outside the cluster: an Ingress, and an HTTPRoute of the Gateway API.

They lead to the page and to the endpoints that are enabled, and to nothing else of a pod: metrics
and health are for the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from voicemedia_operator.reconcile.endpoints import (
    SESSION_PATH,
    WEBSOCKET_PATH,
    WHEP_PATH,
    WHIP_PATH,
)
from voicemedia_operator.reconcile.objects.manifest import Manifest, owned
from voicemedia_operator.reconcile.objects.service import PORT_NAME, SERVICE_PORT
from voicemedia_operator.reconcile.observed import Resource
from voicemedia_operator.spec.signaling import Signaling
from voicemedia_operator.spec.voice_media_server import Spec

PAGE_PATHS = ("/", "/page.js", "/page.css")
ASSETS_PATH = "/assets"


def ingress(resource: Resource, spec: Spec) -> Manifest | None:
    """`None` where none is wished for."""
    given = spec.signaling.ingress
    if given is None:
        return None
    backend = {"service": {"name": resource.name, "port": {"name": PORT_NAME}}}
    paths = [
        {"path": path, "pathType": "Exact" if is_exact else "Prefix", "backend": backend}
        for path, is_exact in _paths(spec.signaling)
    ]
    members: dict[str, Any] = {"rules": [{"host": given.host, "http": {"paths": paths}}]}
    if given.class_name is not None:
        members["ingressClassName"] = given.class_name
    if given.tls_secret_name is not None:
        members["tls"] = [{"hosts": [given.host], "secretName": given.tls_secret_name}]
    return owned(
        resource, "Ingress", resource.name, annotations=dict(given.annotations), spec=members
    )


def http_route(resource: Resource, spec: Spec) -> Manifest | None:
    """`None` where none is wished for."""
    given = spec.signaling.http_route
    if given is None:
        return None
    parent: dict[str, Any] = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": given.gateway_name,
        "namespace": given.gateway_namespace or resource.namespace,
    }
    if given.section_name is not None:
        parent["sectionName"] = given.section_name
    matches = [
        {"path": {"type": "Exact" if is_exact else "PathPrefix", "value": path}}
        for path, is_exact in _paths(spec.signaling)
    ]
    backend = {"kind": "Service", "name": resource.name, "port": SERVICE_PORT}
    return owned(
        resource,
        "HTTPRoute",
        resource.name,
        spec={
            "parentRefs": [parent],
            "hostnames": [given.host],
            "rules": [{"matches": matches, "backendRefs": [backend]}],
        },
    )


def _paths(signaling: Signaling) -> Iterator[tuple[str, bool]]:
    """Each with whether it is the whole path. At most eight, which is what a rule of an HTTPRoute
    may match."""
    yield from ((path, True) for path in PAGE_PATHS)
    yield ASSETS_PATH, False
    yield SESSION_PATH, True
    if signaling.whip.enabled:
        yield WHIP_PATH, False
    if signaling.whep.enabled:
        yield WHEP_PATH, False
    if signaling.websocket_v2.enabled:
        yield WEBSOCKET_PATH, False
