"""What those without Helm apply is what Helm would."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from chart.helm import Helm, of_kind, only, pod_specs
from chart.place import PLAIN, ROOT
from chart.plain import NAMESPACE, OPTIONS, plain
from chart.pod_security import faults
from voicemedia_operator.crd.definition import definition

TEXT = PLAIN.read_text(encoding="utf-8")
OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all(TEXT))


@pytest.mark.system
def test_the_manifests_that_are_checked_in_are_what_the_chart_renders(helm: Helm) -> None:
    assert plain(helm) == TEXT


@pytest.mark.system
def test_nothing_is_lost_but_what_tells_of_helm(helm: Helm) -> None:
    rendered = helm.objects(*OPTIONS, namespace=NAMESPACE)

    assert OBJECTS[0]["kind"] == "Namespace"
    assert [(each["kind"], each.get("spec"), each.get("rules")) for each in OBJECTS[1:]] == [
        (each["kind"], each.get("spec"), each.get("rules")) for each in rendered
    ]


def test_the_namespace_comes_first_and_takes_only_restricted_pods() -> None:
    namespace = OBJECTS[0]

    assert namespace["metadata"]["name"] == NAMESPACE
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    assert all(list(faults(spec)) == [] for spec in pod_specs(OBJECTS))


def test_the_crd_in_it_is_that_of_the_models() -> None:
    assert only(OBJECTS, "CustomResourceDefinition")["spec"] == definition()["spec"]


def test_nothing_in_it_is_of_helm() -> None:
    assert "helm" not in TEXT.lower().replace("charts/voicemedia", "")


def test_its_images_are_those_that_the_dockerfiles_name() -> None:
    (spec,) = pod_specs(OBJECTS)
    (container,) = spec["containers"]

    assert container["image"].partition(":")[0] == "voicemedia-operator"
    assert of_kind(OBJECTS, "VoiceMediaServer") == []


def test_the_heading_says_how_to_apply_it() -> None:
    assert f"kubectl apply --server-side -f {PLAIN.relative_to(ROOT)}" in TEXT
