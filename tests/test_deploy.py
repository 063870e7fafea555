"""The manifests of the operator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from voicemedia_operator.cluster.kinds import EVENT, LEASE, NODE, OPTIONAL, OWNED, SECRET, Kind
from voicemedia_operator.cluster.lease import Terms
from voicemedia_operator.config import Settings
from voicemedia_operator.spec.voice_media_server import GROUP

MANIFESTS = list(
    yaml.safe_load_all((Path(__file__).parents[1] / "deploy" / "voicemedia.yaml").read_text())
)


def manifest(kind: str) -> dict[str, Any]:
    (found,) = (each for each in MANIFESTS if each["kind"] == kind)
    return dict(found)


def rules(role: str) -> list[dict[str, Any]]:
    """Of all roles of this kind."""
    return [rule for each in MANIFESTS if each["kind"] == role for rule in each["rules"]]


def verbs(kind: Kind, role: str = "ClusterRole") -> set[str]:
    """What the operator may do with objects of a kind."""
    return {
        verb
        for rule in rules(role)
        if kind.group in rule["apiGroups"] and kind.plural in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("kind", [*OWNED, *OPTIONAL], ids=lambda kind: kind.name)
def test_what_is_made_for_a_resource_may_be_made_followed_and_deleted(kind: Kind) -> None:
    assert verbs(kind) == {"list", "watch", "create", "patch", "delete"}


def test_secrets_may_never_be_listed() -> None:
    assert verbs(SECRET) == {"get", "create"}


def test_of_the_rest_it_may_do_no_more_than_it_does() -> None:
    assert verbs(NODE) == {"list", "watch"}
    assert verbs(EVENT) == {"create"}
    assert verbs(LEASE, "Role") == {"get", "create", "update"}
    assert verbs(LEASE) == set()


def test_no_rule_has_a_wildcard() -> None:
    everything = rules("ClusterRole") + rules("Role")

    assert not [rule for rule in everything if "*" in str(rule)]


def test_status_and_finalizers_are_the_only_parts_of_the_resource_that_are_written() -> None:
    parts = {
        name: rule["verbs"]
        for rule in rules("ClusterRole")
        if GROUP in rule["apiGroups"]
        for name in rule["resources"]
    }

    assert parts["voicemediaservers/status"] == ["patch"]
    assert "update" not in parts["voicemediaservers"]


def test_the_lease_is_the_one_that_the_role_names() -> None:
    settings = Settings()
    named = [rule["resourceNames"] for rule in rules("Role") if "resourceNames" in rule]

    assert named == [[Terms("", settings.lease, "").name]]


def test_two_replicas_stand_by_each_other_under_the_restricted_standard() -> None:
    spec = manifest("Deployment")["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]

    assert spec["replicas"] == 2
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert manifest("Namespace")["metadata"]["labels"] == {
        "pod-security.kubernetes.io/enforce": "restricted"
    }


def test_its_probes_ask_what_the_operator_answers() -> None:
    (container,) = manifest("Deployment")["spec"]["template"]["spec"]["containers"]

    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
