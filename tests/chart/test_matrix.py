"""However the chart is installed, what it renders is strict, complete and in its place."""

from __future__ import annotations

import functools

import pytest

from chart.helm import NAMESPACE, Helm, of_kind, only, pod_specs
from chart.matrix import DIGEST, MATRIX, WITH_RESOURCE
from chart.pod_security import faults
from cluster.watching import Document
from voicemedia_operator.config import listen_address, read_settings
from voicemedia_operator.spec.voice_media_server import parse_spec

pytestmark = pytest.mark.system

OF_THE_CLUSTER = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
ROLES = ("Role", "ClusterRole")

each_way = pytest.mark.parametrize("way", MATRIX)


@functools.cache
def rendered(helm: Helm, way: str) -> list[Document]:
    return helm.objects(*MATRIX[way])


def rules(objects: list[Document]) -> list[Document]:
    return [rule for kind in ROLES for role in of_kind(objects, kind) for rule in role["rules"]]


@each_way
def test_lint_has_no_objections(helm: Helm, way: str) -> None:
    options = MATRIX[way]
    if options[:2] == WITH_RESOURCE:  # lint asks no cluster what it knows
        options = options[2:]

    assert "0 chart(s) failed" in helm.lint(*options)


@each_way
def test_every_pod_is_restricted(helm: Helm, way: str) -> None:
    for spec in pod_specs(rendered(helm, way)):
        assert list(faults(spec)) == []


@each_way
def test_no_rule_has_a_wildcard_or_reads_secrets_at_large(helm: Helm, way: str) -> None:
    for rule in rules(rendered(helm, way)):
        assert "*" not in {*rule["verbs"], *rule["resources"], *rule["apiGroups"]}
        if "secrets" in rule["resources"]:
            assert rule["verbs"] == ["get", "create"]


@each_way
def test_every_object_says_its_namespace_unless_it_has_none(helm: Helm, way: str) -> None:
    for each in rendered(helm, way):
        assert ("namespace" in each["metadata"]) == (each["kind"] not in OF_THE_CLUSTER)


@each_way
def test_no_two_objects_are_the_same(helm: Helm, way: str) -> None:
    keys = [
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
        for each in rendered(helm, way)
    ]

    assert len(keys) == len(set(keys))


@each_way
def test_every_object_tells_whose_it_is(helm: Helm, way: str) -> None:
    for each in rendered(helm, way):
        assert each["metadata"]["labels"]["app.kubernetes.io/part-of"] == "voicemedia"


@each_way
def test_selectors_select_the_operators_pods(helm: Helm, way: str) -> None:
    objects = rendered(helm, way)
    labels = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"].items()

    selected = [
        only(objects, "Deployment")["spec"]["selector"]["matchLabels"],
        only(objects, "Service")["spec"]["selector"],
        *(each["spec"]["podSelector"]["matchLabels"] for each in of_kind(objects, "NetworkPolicy")),
        *(
            each["spec"]["selector"]["matchLabels"]
            for kind in ("PodDisruptionBudget", "PodMonitor")
            for each in of_kind(objects, kind)
        ),
    ]
    assert all(each.items() <= labels for each in selected)


@each_way
def test_every_binding_is_of_a_role_that_is_there_to_the_operators_account(
    helm: Helm, way: str
) -> None:
    objects = rendered(helm, way)
    account = only(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"]

    for kind in ("RoleBinding", "ClusterRoleBinding"):
        for binding in of_kind(objects, kind):
            reference = binding["roleRef"]
            (role,) = [
                each
                for each in of_kind(objects, reference["kind"], reference["name"])
                if each["metadata"].get("namespace") == binding["metadata"].get("namespace")
            ]
            assert role["rules"]
            (subject,) = binding["subjects"]
            assert (subject["name"], subject["namespace"]) == (account, NAMESPACE)


@each_way
def test_a_resource_of_the_chart_is_right_by_the_models(helm: Helm, way: str) -> None:
    for each in of_kind(rendered(helm, way), "VoiceMediaServer"):
        spec = parse_spec(each["spec"])

        assert spec.image
        assert each["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
        assert ("registry-key" in spec.pod.image_pull_secrets) == (
            "imagePullSecrets={registry-key}" in MATRIX[way]
        )


def images(objects: list[Document]) -> set[str]:
    return {
        *(container["image"] for spec in pod_specs(objects) for container in spec["containers"]),
        *(each["spec"]["image"] for each in of_kind(objects, "VoiceMediaServer")),
    }


def test_a_digest_goes_before_the_tag(helm: Helm) -> None:
    assert images(rendered(helm, "by digest")) == {
        f"voicemedia-operator@{DIGEST}",
        f"voicemedia-media@{DIGEST}",
    }


def test_an_image_may_come_from_another_registry(helm: Helm) -> None:
    assert images(rendered(helm, "other images")) == {
        "registry.example.org:5000/voice/operator:1.10",
        "registry.example.org:5000/voice/media:0.1.0",
    }


def test_without_a_word_only_the_releases_namespace_is_touched(helm: Helm) -> None:
    objects = rendered(helm, "defaults")
    found = {each["metadata"].get("namespace") for each in objects}

    assert found == {NAMESPACE, None}
    assert of_kind(objects, "ClusterRole") == []
    assert watched(objects) == NAMESPACE


def watched(objects: list[Document]) -> str:
    return environment(objects)["VOICEMEDIA_OPERATOR_NAMESPACES"]


def environment(objects: list[Document]) -> dict[str, str]:
    (container,) = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value", "") for each in container["env"]}


@each_way
def test_the_operator_understands_what_it_is_told(helm: Helm, way: str) -> None:
    objects = rendered(helm, way)
    (container,) = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]

    settings = read_settings(environment(objects), "host")

    assert ",".join(settings.namespaces) == watched(objects)
    assert [port["containerPort"] for port in container["ports"]] == [listen_address(settings)[1]]


def test_each_namespace_that_is_watched_has_its_role(helm: Helm) -> None:
    objects = rendered(helm, "some namespaces")
    roles = [each for each in of_kind(objects, "Role") if len(each["rules"]) > 2]

    assert {each["metadata"]["namespace"] for each in roles} == {"calls", "support"}
    assert watched(objects) == "calls,support"
    assert of_kind(objects, "ClusterRole") == []


def test_all_namespaces_are_watched_by_one_cluster_role(helm: Helm) -> None:
    objects = rendered(helm, "all namespaces")

    assert len(of_kind(objects, "ClusterRole")) == 2
    assert watched(objects) == ""


@pytest.mark.parametrize("way", ["defaults", "some namespaces", "nodes only", "all namespaces"])
def test_nodes_are_watched_only_with_the_right_to(helm: Helm, way: str) -> None:
    objects = rendered(helm, way)
    may = any("nodes" in rule["resources"] for rule in rules(objects))

    assert environment(objects)["VOICEMEDIA_OPERATOR_WATCH_NODES"] == str(may).lower()


def test_the_lease_is_the_one_that_the_operator_may_renew(helm: Helm) -> None:
    objects = rendered(helm, "defaults")
    (rule,) = [
        rule for rule in rules(objects) if "update" in rule["verbs"] and "leases" in str(rule)
    ]

    assert rule["resourceNames"] == [environment(objects)["VOICEMEDIA_OPERATOR_LEASE"]]


def test_one_replica_has_no_budget_that_would_keep_its_node_from_being_emptied(helm: Helm) -> None:
    assert of_kind(rendered(helm, "one replica"), "PodDisruptionBudget") == []
    assert of_kind(rendered(helm, "defaults"), "PodDisruptionBudget") != []


def test_the_crd_stays_when_the_chart_goes_unless_it_shall_not(helm: Helm) -> None:
    kept = only(rendered(helm, "defaults"), "CustomResourceDefinition")
    going = only(rendered(helm, "crd goes"), "CustomResourceDefinition")

    assert kept["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "annotations" not in going["metadata"]
    assert kept["spec"] == going["spec"]


def test_a_monitor_of_the_service_selects_it_and_its_port(helm: Helm) -> None:
    objects = rendered(helm, "service monitored")
    monitor, service = only(objects, "ServiceMonitor")["spec"], only(objects, "Service")
    (endpoint,) = monitor["endpoints"]

    labels = service["metadata"]["labels"].items()
    assert monitor["selector"]["matchLabels"].items() <= labels
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert endpoint["interval"] == "10s"


def test_a_bare_installation_has_nothing_that_it_was_not_to_have(helm: Helm) -> None:
    kinds = {each["kind"] for each in rendered(helm, "bare")}

    assert kinds == {"Deployment", "Service", "ServiceAccount", "Role", "RoleBinding"}


def test_a_fleet_knows_its_redis_by_secret_and_its_ingress(helm: Helm) -> None:
    spec = parse_spec(only(rendered(helm, "fleet with all"), "VoiceMediaServer", "support")["spec"])

    assert spec.registry.url_secret_ref is not None
    assert spec.registry.url_secret_ref.name == "voice-redis"
    assert spec.registry.url_secret_ref.key == "address"
    assert spec.signaling.ingress is not None
    assert spec.signaling.ingress.host == "voice.example.org"
    assert spec.signaling.ingress.tls_secret_name == "voice-tls"
    assert spec.replicas == 3


def test_a_fleet_stays_when_the_operator_goes(helm: Helm) -> None:
    fleet = only(rendered(helm, "fleet"), "VoiceMediaServer", "voice")

    assert fleet["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


@pytest.mark.parametrize(
    ("way", "namespace"), [("defaults", NAMESPACE), ("some namespaces", "calls")]
)
def test_the_test_calls_a_fleet_where_the_operator_looks(
    helm: Helm, way: str, namespace: str
) -> None:
    hooks = [each for each in rendered(helm, way) if "helm.sh/hook" in str(each["metadata"])]

    assert {each["kind"] for each in hooks} == {"VoiceMediaServer", "ConfigMap", "Pod"}
    assert {each["metadata"]["namespace"] for each in hooks} == {namespace}
