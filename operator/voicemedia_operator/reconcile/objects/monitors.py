"""For a Prometheus that is run by its operator: whom to scrape, and when to wake somebody."""

from __future__ import annotations

from typing import Any

from voicemedia_operator.reconcile.objects.manifest import Manifest, owned, pods_of
from voicemedia_operator.reconcile.observed import Resource
from voicemedia_operator.spec.voice_media_server import Spec

SCRAPED_EVERY = "15s"


def pod_monitor(resource: Resource, spec: Spec) -> Manifest:
    """All pods, those that drain included: calls go on there."""
    return owned(
        resource,
        "PodMonitor",
        resource.name,
        labels=dict(spec.telemetry.monitor_labels),
        spec={
            "selector": {"matchLabels": pods_of(resource.name)},
            "podMetricsEndpoints": [
                {"port": "http", "path": "/metrics", "interval": SCRAPED_EVERY}
            ],
        },
    )


def prometheus_rule(resource: Resource, spec: Spec) -> Manifest:
    """Of one fleet: it is full, it takes nobody, it lost its registry."""
    job = f'job="{resource.namespace}/{resource.name}"'
    fleet = f"{resource.namespace}/{resource.name}"
    rules = [
        _alert(
            "VoicemediaFleetFull",
            f"sum(voicemedia_sessions{{{job}}}) > 0.9 * sum(voicemedia_sessions_max{{{job}}})",
            "10m",
            f"More than nine tenths of the places of {fleet} are taken: raise replicas.",
        ),
        _alert(
            "VoicemediaNoPodReady",
            f"sum(voicemedia_ready{{{job}}}) == 0 or absent(voicemedia_ready{{{job}}})",
            "1m",
            f"No pod of {fleet} takes sessions: kubectl describe vms {resource.name}.",
        ),
    ]
    if spec.registry.url_secret_ref is not None:
        rules.append(
            _alert(
                "VoicemediaRegistryDown",
                f"min(voicemedia_registry_up{{{job}}}) == 0",
                "5m",
                f"A pod of {fleet} does not reach Redis. Calls go on; the list of sessions is old.",
            )
        )
    return owned(
        resource,
        "PrometheusRule",
        resource.name,
        labels=dict(spec.telemetry.monitor_labels),
        spec={"groups": [{"name": f"voicemedia.{resource.name}", "rules": rules}]},
    )


def _alert(name: str, expression: str, lasting: str, summary: str) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expression,
        "for": lasting,
        "labels": {"severity": "warning"},
        "annotations": {"summary": summary},
    }
