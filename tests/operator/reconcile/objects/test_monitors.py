"""For a Prometheus that is run by its operator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fleets.resources import resource, spec_of
from voicemedia_operator.reconcile.objects.monitors import pod_monitor, prometheus_rule
from voicemedia_operator.reconcile.objects.pod import Place, pod_manifest

METRICS = Path(__file__).parents[4] / "docs" / "metrics.md"
REGISTRY = {"urlSecretRef": {"name": "redis", "key": "url"}}


def rules(**members: Any) -> list[dict[str, Any]]:
    made: Any = prometheus_rule(resource(), spec_of(**members))
    (group,) = made["spec"]["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def test_all_pods_of_the_fleet_are_scraped_on_a_port_that_they_have() -> None:
    monitor: Any = pod_monitor(resource(), spec_of())
    made: Any = pod_manifest(resource(), spec_of(), Place(1))
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]

    assert endpoint["port"] in {p["name"] for p in made["spec"]["containers"][0]["ports"]}
    selected = monitor["spec"]["selector"]["matchLabels"]
    assert selected.items() <= made["metadata"]["labels"].items()


def test_a_prometheus_finds_both_by_the_labels_that_people_give() -> None:
    spec = spec_of(telemetry={"monitorLabels": {"release": "prometheus"}})

    for made in (pod_monitor(resource(), spec), prometheus_rule(resource(), spec)):
        metadata: Any = made["metadata"]
        assert metadata["labels"]["release"] == "prometheus"


def test_alerts_are_about_metrics_that_pods_have_and_about_this_fleet_alone() -> None:
    known = METRICS.read_text(encoding="utf-8")

    for each in rules(registry=REGISTRY):
        for name in re.findall(r"voicemedia_\w+", each["expr"]):
            assert f"`{name}`" in known
        assert each["expr"].count('{job="calls/voice"}') == each["expr"].count("voicemedia_")


def test_nobody_is_woken_for_a_registry_that_there_is_not() -> None:
    assert "VoicemediaRegistryDown" in [each["alert"] for each in rules(registry=REGISTRY)]
    assert "VoicemediaRegistryDown" not in [each["alert"] for each in rules()]
