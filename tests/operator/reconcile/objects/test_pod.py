"""A media pod, and the revision that it is of."""

from __future__ import annotations

from typing import Any

import pytest

from fleets.resources import resource, spec_of
from voicemedia_operator.reconcile.names import Annotation, Label
from voicemedia_operator.reconcile.objects.pod import Place, pod_manifest, revision_of
from voicemedia_operator.reconcile.reading import read_pod


def manifest(place: Place | None = None, **members: Any) -> Any:
    given = resource(**members)
    return pod_manifest(given, spec_of(**members), place or Place(1))


def container(**members: Any) -> Any:
    (found,) = manifest(**members)["spec"]["containers"]
    return found


def revision(**members: Any) -> str:
    return revision_of(resource(**members), spec_of(**members))


def test_a_pod_takes_sessions_from_its_birth_and_remembers_its_place() -> None:
    made = manifest(Place(7, attempt=2, port=31000))
    found = read_pod({**made, "metadata": {**made["metadata"], "uid": "p-1"}})

    assert found.is_serving
    assert (found.number, found.attempt, found.port) == (7, 2, 31000)
    assert found.revision == revision()
    assert made["metadata"]["labels"][Label.POD] == made["metadata"]["name"]


def test_pods_of_different_places_are_of_one_revision() -> None:
    labels = [
        manifest(place)["metadata"]["labels"][Label.REVISION]
        for place in (Place(1), Place(2, attempt=3), Place(3, port=31000))
    ]

    assert set(labels) == {revision()}


@pytest.mark.parametrize(
    "members",
    [
        {"image": "media:2"},
        {"media": {"maxSessionsPerPod": 7}},
        {"pod": {"annotations": {"a": "b"}}},
        {"pod": {"nodeSelector": {"a": "b"}}},
        {"drain": {"timeoutSeconds": 60}},
    ],
)
def test_what_a_pod_is_made_with_makes_another_revision(members: dict[str, Any]) -> None:
    assert revision(**members) != revision()


@pytest.mark.parametrize(
    "members",
    [
        {"replicas": 5},
        {"paused": True},
        {"rollout": {"weight": 10}},
        {"update": {"maxSurge": 3}},
        {"scaling": {"mode": "External"}},
    ],
)
def test_what_no_pod_is_made_with_leaves_the_revision(members: dict[str, Any]) -> None:
    assert revision(**members) == revision()


def test_a_pod_is_restricted_and_gets_no_token_of_the_cluster() -> None:
    spec = manifest()["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_drain_never_fails_the_liveness_of_a_pod() -> None:
    assert container()["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container()["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_kubernetes_leaves_a_pod_the_time_that_its_own_drain_takes() -> None:
    spec = manifest(drain={"timeoutSeconds": 600, "noticeSeconds": 20})["spec"]

    assert spec["terminationGracePeriodSeconds"] == 630


def test_people_can_add_to_a_pod_but_not_take_its_marks() -> None:
    given = {
        "labels": {"team": "calls", Label.SERVING.value: "false"},
        "annotations": {"a": "b", Annotation.NUMBER.value: "99"},
        "tolerations": [{"key": "voice", "operator": "Exists", "tolerationSeconds": 30}],
        "imagePullSecrets": ["registry"],
    }
    made = manifest(pod=given)

    assert made["metadata"]["labels"]["team"] == "calls"
    assert made["metadata"]["labels"][Label.SERVING] == "true"
    assert made["metadata"]["annotations"]["a"] == "b"
    assert made["metadata"]["annotations"][Annotation.NUMBER] == "1"
    assert made["spec"]["tolerations"] == [
        {"key": "voice", "operator": "Exists", "value": "", "tolerationSeconds": 30}
    ]
    assert made["spec"]["imagePullSecrets"] == [{"name": "registry"}]


def test_every_file_that_the_settings_name_is_mounted() -> None:
    jwt = {"mode": "JWT", "jwt": {"jwksSecretRef": {"name": "keys", "key": "jwks"}}}
    turn = {"turnSecretRef": {"name": "turn", "key": "secret"}}
    for members in ({}, {"signaling": {"auth": jwt}}, {"media": turn}):
        found = container(**members)
        folders = {each["mountPath"] for each in found["volumeMounts"]}
        files = [each["value"] for each in found["env"] if each["name"].endswith("_FILE")]

        assert {file.rpartition("/")[0] for file in files} == folders


def test_secrets_are_readable_by_the_server_alone() -> None:
    volumes = [v for v in manifest()["spec"]["volumes"] if "secret" in v]

    assert {volume["secret"]["secretName"] for volume in volumes} == {
        "voice-fleet",
        "voice-tokens",
    }
    assert {volume["secret"]["defaultMode"] for volume in volumes} == {0o440}


def test_a_pod_without_wishes_of_people_has_no_empty_members() -> None:
    assert not [name for name, value in manifest()["spec"].items() if value in (None, {}, [])]


def test_a_port_of_the_node_leads_to_media_by_both_protocols() -> None:
    exposure = {"mode": "HostPort", "portRange": {"first": 31000, "last": 31003}}
    made = manifest(Place(1, port=31002), media={"exposure": exposure})
    (found,) = made["spec"]["containers"]
    ports = {each["name"]: each.get("hostPort") for each in found["ports"]}

    assert ports == {"http": None, "admin": None, "media-udp": 31002, "media-tcp": 31002}


def test_on_the_nodes_network_pods_stay_apart_whatever_people_wish_besides() -> None:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    wish = {"podAntiAffinity": {required: [{"topologyKey": "zone"}]}, "nodeAffinity": {"a": "b"}}
    spec = manifest(media={"exposure": {"mode": "HostNetwork"}}, pod={"affinity": wish})["spec"]

    assert spec["hostNetwork"] is True
    assert spec["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert spec["affinity"]["nodeAffinity"] == {"a": "b"}
    assert [each["topologyKey"] for each in spec["affinity"]["podAntiAffinity"][required]] == [
        "zone",
        "kubernetes.io/hostname",
    ]


def test_other_pods_have_a_network_of_their_own() -> None:
    assert not {"hostNetwork", "affinity"} & manifest()["spec"].keys()
