"""A real API server takes what the chart renders, gives the operator its rights and no others, and
is as it was when the chart is gone.

The operator's image is none of this file's matter: its pods are let in, and wait for an image. The
CRD that it leaves belongs to all namespaces, hence only on a cluster of our own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest
import yaml

from chart.helm import RELEASE, Helm, find_helm
from chart.matrix import MATRIX, told
from chart.place import CHART, PLAIN
from cluster.client import Cluster, Namespace
from cluster.commands import CommandFailed
from cluster.operating import install_resource
from cluster.watching import Document

pytestmark = [pytest.mark.system, pytest.mark.own_cluster, pytest.mark.timeout(900)]

CRD = "customresourcedefinition/voicemediaservers.voicemedia.dev"
MONITORS = ("PodMonitor", "ServiceMonitor")
"""Kinds of the Prometheus operator, which is not in the cluster."""

ALL_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
OWNED = frozenset({"list", "watch", "create", "patch", "delete"})
NOTHING = frozenset[str]()
RIGHTS: dict[tuple[str, str], frozenset[str]] = {
    ("voicemedia.dev", "voicemediaservers"): frozenset({"get", "list", "watch", "patch"}),
    ("voicemedia.dev", "voicemediaservers/status"): frozenset({"patch"}),
    ("voicemedia.dev", "voicemediaservers/finalizers"): frozenset({"update"}),
    ("voicemedia.dev", "voicemediaservers/scale"): NOTHING,
    ("", "pods"): OWNED,
    ("", "pods/exec"): NOTHING,
    ("", "pods/log"): NOTHING,
    ("", "pods/eviction"): NOTHING,
    ("", "services"): OWNED,
    ("", "configmaps"): OWNED,
    ("", "secrets"): frozenset({"get", "create"}),
    ("", "serviceaccounts"): NOTHING,
    ("", "serviceaccounts/token"): NOTHING,
    ("", "endpoints"): NOTHING,
    ("", "events"): NOTHING,
    ("", "namespaces"): NOTHING,
    ("apps", "deployments"): NOTHING,
    ("batch", "jobs"): NOTHING,
    ("events.k8s.io", "events"): frozenset({"create"}),
    ("coordination.k8s.io", "leases"): frozenset({"create"}),
    ("networking.k8s.io", "ingresses"): OWNED,
    ("networking.k8s.io", "networkpolicies"): OWNED,
    ("policy", "poddisruptionbudgets"): OWNED,
    ("gateway.networking.k8s.io", "httproutes"): OWNED,
    ("gateway.networking.k8s.io", "gateways"): NOTHING,
    ("monitoring.coreos.com", "podmonitors"): OWNED,
    ("monitoring.coreos.com", "prometheusrules"): OWNED,
    ("rbac.authorization.k8s.io", "roles"): NOTHING,
    ("rbac.authorization.k8s.io", "rolebindings"): NOTHING,
    ("apiextensions.k8s.io", "customresourcedefinitions"): NOTHING,
}
"""What the operator may do in a namespace that it looks after, by group and resource."""


@pytest.fixture(scope="module")
def helm() -> Helm:
    """That of the cluster's programs."""
    return find_helm()


@pytest.fixture
async def knowing(namespace: Namespace) -> Namespace:
    """A namespace of a cluster that knows the resource."""
    await install_resource(namespace.cluster)
    return namespace


@pytest.fixture
async def installed(namespace: Namespace, helm: Helm) -> AsyncIterator[Namespace]:
    """The chart as it comes, in this namespace; the CRD may be there already."""
    await on(namespace, helm, "install", RELEASE, str(CHART), "--take-ownership")
    yield namespace
    await on(namespace, helm, "uninstall", RELEASE, "--ignore-not-found")


async def on(namespace: Namespace, helm: Helm, *words: str) -> str:
    where = ("--namespace", namespace.name)
    return await asyncio.to_thread(helm.on, namespace.cluster.kubeconfig, *words, *where)


def moved(objects: list[Document], namespace: str) -> list[Document]:
    """All into one namespace, without what this cluster does not know."""
    found = [each for each in objects if each["kind"] not in MONITORS]
    for each in found:
        if "namespace" in each["metadata"]:
            each["metadata"]["namespace"] = namespace
    return found


@pytest.mark.parametrize("way", MATRIX)
async def test_the_api_server_takes_every_object_as_it_is_written(
    knowing: Namespace, helm: Helm, way: str
) -> None:
    objects = moved(helm.objects(*MATRIX[way], namespace=knowing.name), knowing.name)
    wanted = {"apiVersion": "v1", "kind": "List", "items": objects}

    options = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    taken = await knowing.cluster.json("apply", *options, "-f", "-", given=json.dumps(wanted))

    assert len(taken.get("items", [taken])) == len(objects)


async def test_an_object_with_a_member_that_nobody_knows_would_not_be_taken(
    knowing: Namespace, helm: Helm
) -> None:
    """So that the test before this one means something."""
    objects = moved(helm.objects(namespace=knowing.name), knowing.name)
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}

    options = ("--server-side", "--dry-run=server", "--validate=strict")
    with pytest.raises(CommandFailed, match="livenesProbe"):
        await knowing.cluster.json("apply", *options, "-f", "-", given=json.dumps(deployment))


async def test_pods_of_the_operator_are_let_into_a_restricted_namespace(
    installed: Namespace,
) -> None:
    deployment = f"{RELEASE}-operator"

    found = await installed.until(
        "deployment", deployment, lambda seen: seen.get("status", {}).get("replicas") == 2
    )

    assert not any(
        each["type"] == "ReplicaFailure" for each in found["status"].get("conditions", ())
    )
    assert len(await installed.items("pods", f"app.kubernetes.io/instance={RELEASE}")) == 2


def reviews(account: str, namespace: str) -> Iterator[Document]:
    """A question to the API server for each verb of each resource."""
    for group, resource in RIGHTS:
        name, _, part = resource.partition("/")
        for verb in ALL_VERBS:
            asked = {
                "namespace": namespace,
                "verb": verb,
                "group": group,
                "resource": name,
                "subresource": part,
            }
            yield {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": {"user": account, "resourceAttributes": asked},
            }


def answers(said: str) -> Iterator[Mapping[str, Any]]:
    """Documents of JSON, one after the other."""
    decoder, position = json.JSONDecoder(), 0
    while position < len(said):
        found, end = decoder.raw_decode(said, position)
        yield found
        position = end + len(said[end:]) - len(said[end:].lstrip())


async def allowed(cluster: Cluster, account: str, namespace: str) -> dict[Any, set[str]]:
    """By group and resource: the verbs that the API server lets the account use."""
    wanted = {"apiVersion": "v1", "kind": "List", "items": list(reviews(account, namespace))}
    said = await cluster.kubectl("create", "-f", "-", "-o", "json", given=json.dumps(wanted))
    found: dict[Any, set[str]] = {key: set() for key in RIGHTS}
    for review in answers(said):
        asked = review["spec"]["resourceAttributes"]
        part = f"/{asked['subresource']}" if asked.get("subresource") else ""
        if review["status"].get("allowed"):
            found[asked.get("group", ""), asked["resource"] + part].add(asked["verb"])
    return found


async def test_the_operator_may_do_what_it_does_and_nothing_else(installed: Namespace) -> None:
    account = f"system:serviceaccount:{installed.name}:{RELEASE}-operator"

    here = await allowed(installed.cluster, account, installed.name)
    elsewhere = await allowed(installed.cluster, account, "kube-system")

    assert here == RIGHTS
    assert not any(elsewhere.values())


async def test_the_operator_renews_its_own_lease_and_no_other(installed: Namespace) -> None:
    account = f"system:serviceaccount:{installed.name}:{RELEASE}-operator"

    async def may(verb: str, lease: str) -> bool:
        words = ("auth", "can-i", verb, f"leases/{lease}", "--as", account)
        try:
            said = await installed.cluster.kubectl(*words, "--namespace", installed.name)
        except CommandFailed:
            return False
        return said.endswith("yes")

    assert [await may(verb, f"{RELEASE}-operator") for verb in ("get", "update")] == [True, True]
    assert [await may(verb, "another") for verb in ("get", "update")] == [False, False]


async def test_the_notes_name_what_is_there(installed: Namespace, helm: Helm) -> None:
    notes = await on(installed, helm, "get", "notes", RELEASE)

    for named in (
        f"--namespace {installed.name} rollout status deployment/{RELEASE}-operator",
        'image: "voicemedia-media:0.1.0"',
        "wait --for=condition=Available",
        "secret voice-tokens",
        f"http://voice.{installed.name}/whip",
        f"helm test {RELEASE} --namespace {installed.name}",
        f"kubectl delete vms --all --namespace {installed.name}",
    ):
        assert named in notes


async def named(namespace: Namespace) -> set[str]:
    """All that is of the release, in its namespace and beside it."""
    kinds = "deployment,service,serviceaccount,role,rolebinding,networkpolicy,pdb,vms,configmap"
    words = ("get", kinds, "--namespace", namespace.name, "-o", "name")
    found = (await namespace.cluster.kubectl(*words)).split()
    return {each for each in found if not each.endswith(("/default", "/kube-root-ca.crt"))}


async def test_it_is_upgraded_taken_back_and_removed(installed: Namespace, helm: Helm) -> None:
    fleet = "voicemediaserver.voicemedia.dev/voice"
    at_first = await named(installed)

    await on(installed, helm, "upgrade", RELEASE, str(CHART), *told("fleet.create=true"))
    upgraded = await named(installed)
    made = await installed.get("vms", "voice")
    await on(installed, helm, "rollback", RELEASE, "1")
    taken_back = await named(installed)
    said = await on(installed, helm, "uninstall", RELEASE)
    left = await named(installed)

    assert upgraded == at_first | {fleet}
    assert made["spec"]["replicas"] == 1
    assert taken_back == upgraded, "a fleet stays, whatever becomes of the release"
    assert left == {fleet}
    assert "CustomResourceDefinition" in said
    assert await installed.cluster.kubectl("get", CRD, "-o", "name")


async def test_the_plain_manifests_are_taken_as_they_are_written(cluster: Cluster) -> None:
    objects = list(yaml.safe_load_all(PLAIN.read_text(encoding="utf-8")))
    going = [each for each in objects if each["kind"] != "CustomResourceDefinition"]

    try:
        options = ("--server-side", "--force-conflicts", "--validate=strict")
        applied = await cluster.kubectl("apply", *options, "-f", str(PLAIN))
    finally:
        wanted = json.dumps({"apiVersion": "v1", "kind": "List", "items": going})
        words = ("delete", "--wait=false", "--ignore-not-found", "-f", "-")
        await cluster.kubectl(*words, given=wanted)

    assert len(applied.splitlines()) == len(objects)
