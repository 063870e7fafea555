"""All objects that a whole fleet wants; Secrets, and what is of a single pod, left out."""

from __future__ import annotations

from collections.abc import Iterator

from voicemedia_operator.reconcile.objects.guards import disruption_budget, network_policy
from voicemedia_operator.reconcile.objects.manifest import API_VERSIONS, Manifest
from voicemedia_operator.reconcile.objects.monitors import pod_monitor, prometheus_rule
from voicemedia_operator.reconcile.objects.service import service
from voicemedia_operator.reconcile.objects.ways_in import http_route, ingress
from voicemedia_operator.reconcile.observed import Resource
from voicemedia_operator.spec.voice_media_server import Spec

OPTIONAL_KINDS = frozenset({"HTTPRoute", "PodMonitor", "PrometheusRule"})
"""Those that only some clusters know."""
WATCHED_KINDS = frozenset(API_VERSIONS) - {"Pod", "Secret"}
"""Of which one that is no longer wanted is deleted."""


def objects_of_the_fleet(
    resource: Resource, spec: Spec, kinds: frozenset[str]
) -> Iterator[Manifest]:
    """`kinds`: the optional ones that this cluster knows; what it does not know is left out."""
    yield service(resource)
    yield disruption_budget(resource)
    yield network_policy(resource, spec)
    for manifest in (
        ingress(resource, spec),
        http_route(resource, spec),
        *((pod_monitor(resource, spec), prometheus_rule(resource, spec)) * spec.telemetry.monitors),
    ):
        if manifest is not None and manifest["kind"] not in OPTIONAL_KINDS - kinds:
            yield manifest
