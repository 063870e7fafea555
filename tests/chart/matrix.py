"""Ways to install the chart: each is a list of Helm's options. Pure."""

from __future__ import annotations

from chart.helm import KNOWS_THE_RESOURCE

DIGEST = "sha256:" + "0123456789abcdef" * 4


def told(*values: str) -> list[str]:
    """`--set` for each."""
    return [word for value in values for word in ("--set", value)]


WITH_RESOURCE = ["--api-versions", KNOWS_THE_RESOURCE]
MATRIX: dict[str, list[str]] = {
    "defaults": [],
    "all namespaces": told("watch.allNamespaces=true", "watch.nodes=true"),
    "some namespaces": told("watch.namespaces={calls,support}"),
    "nodes only": told("watch.nodes=true"),
    "by digest": told(f"operator.image.digest={DIGEST}", f"media.image.digest={DIGEST}"),
    "other images": told(
        "operator.image.repository=registry.example.org:5000/voice/operator",
        "operator.image.tag=1.10",
        "operator.image.pullPolicy=Always",
        "media.image.repository=registry.example.org:5000/voice/media",
        "imagePullSecrets={registry-key}",
    ),
    "one replica": told("operator.replicas=1"),
    "own account": told("serviceAccount.create=false", "serviceAccount.name=given"),
    "named account": told("serviceAccount.name=voice", "serviceAccount.annotations.a/b=c"),
    "own rights": told("rbac.create=false"),
    "placed": told(
        "operator.nodeSelector.disk=ssd",
        "operator.tolerations[0].key=voice",
        "operator.tolerations[0].operator=Exists",
        "operator.priorityClassName=high",
        "operator.podLabels.team=voice",
        "operator.podAnnotations.a/b=c",
        "operator.logLevel=debug",
    ),
    "pods monitored": told("metrics.monitor=PodMonitor", "metrics.labels.release=prometheus"),
    "service monitored": told("metrics.monitor=ServiceMonitor", "metrics.intervalSeconds=10"),
    "metrics for one": told("networkPolicy.metricsFrom={monitoring}"),
    "bare": told(
        "crds.install=false",
        "networkPolicy.enabled=false",
        "disruptionBudget.enabled=false",
        "test.enabled=false",
    ),
    "crd goes": told("crds.keep=false"),
    "fleet": [*WITH_RESOURCE, *told("fleet.create=true")],
    "fleet with all": [
        *WITH_RESOURCE,
        *told(
            "fleet.create=true",
            "fleet.name=support",
            "fleet.replicas=3",
            "fleet.redis.secretName=voice-redis",
            "fleet.redis.secretKey=address",
            "fleet.ingress.host=voice.example.org",
            "fleet.ingress.className=nginx",
            "fleet.ingress.tlsSecretName=voice-tls",
            "imagePullSecrets={registry-key}",
        ),
    ],
}
