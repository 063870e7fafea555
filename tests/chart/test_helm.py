"""Helm is that of the cluster, and what it says reaches the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from chart.helm import Helm, Refused, helm_of, of_kind, only, pod_specs
from cluster.programs import ALL, Programs

POD = {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": []}}
DEPLOYMENT = {
    "kind": "Deployment",
    "metadata": {"name": "b"},
    "spec": {"template": {"spec": {"containers": [1]}}},
}


def test_templates_are_told_of_the_kubernetes_that_tests_run_on() -> None:
    paths = {name: Path("/cache") / name for source in ALL for name in source.packages}

    found = helm_of(Programs(paths))

    assert found.program == Path("/cache/helm")
    assert found.kubernetes.startswith("1.")


def test_what_it_objects_to_is_told(tmp_path: Path) -> None:
    program = tmp_path / "helm"
    program.write_text("#!/bin/sh\necho 'at /x: no' >&2\nexit 1\n")
    program.chmod(0o755)

    with pytest.raises(Refused, match="at /x: no"):
        Helm(program, "1.34.0").text()


def test_empty_documents_are_passed_over(tmp_path: Path) -> None:
    program = tmp_path / "helm"
    program.write_text("#!/bin/sh\nprintf -- '---\\n# nothing\\n---\\nkind: Pod\\n'\n")
    program.chmod(0o755)

    assert Helm(program, "1.34.0").objects() == [{"kind": "Pod"}]


def test_objects_are_found_by_kind_and_name() -> None:
    assert only([POD, DEPLOYMENT], "Pod") is POD
    assert of_kind([POD, DEPLOYMENT], "Pod", "b") == []


def test_pods_of_deployments_are_pods_too() -> None:
    assert pod_specs([POD, DEPLOYMENT]) == [{"containers": []}, {"containers": [1]}]
