"""Helm installs the operator on a real Kubernetes, and its own test makes a call that is echoed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from chart.helm import RELEASE, Helm, find_helm
from chart.matrix import told
from chart.place import CHART
from cluster.client import Namespace

pytestmark = [pytest.mark.system, pytest.mark.own_cluster, pytest.mark.timeout(900)]

WAIT_S = 120


@pytest.fixture(scope="module")
def helm() -> Helm:
    """That of the cluster's programs."""
    return find_helm()


async def on(namespace: Namespace, helm: Helm, *words: str) -> str:
    where = ("--namespace", namespace.name)
    return await asyncio.to_thread(helm.on, namespace.cluster.kubeconfig, *words, *where)


def image(path: str, reference: str) -> list[str]:
    """Options for an image that the node has."""
    repository, _, tag = reference.rpartition(":")
    return told(f"{path}.image.repository={repository}", f"{path}.image.tag={tag}")


@pytest.fixture
async def installed(namespace: Namespace, helm: Helm, media_image: str) -> AsyncIterator[Namespace]:
    """The operator, Ready in this namespace, by the chart's rights alone."""
    operator_image = namespace.cluster.image("Dockerfile.operator", "voicemedia-operator")
    images = [*image("operator", operator_image), *image("media", media_image)]
    await on(namespace, helm, "install", RELEASE, str(CHART), "--take-ownership", *images)
    try:
        deployment = f"deployment/{RELEASE}-operator"
        words = ("rollout", "status", deployment, "--namespace", namespace.name)
        await namespace.cluster.kubectl(*words, f"--timeout={WAIT_S}s", timeout_s=WAIT_S + 10)
        yield namespace
    finally:
        words = ("delete", "vms", "--all", "--namespace", namespace.name)
        await namespace.cluster.kubectl(*words, "--timeout=60s", timeout_s=70)
        await on(namespace, helm, "uninstall", RELEASE)


async def test_the_test_of_the_chart_makes_a_call_that_is_echoed_and_removes_its_fleet(
    installed: Namespace, helm: Helm
) -> None:
    said = await on(installed, helm, "test", RELEASE, "--timeout", f"{WAIT_S}s")

    (phase,) = [line.split()[1] for line in said.splitlines() if "Phase:" in line][-1:]
    assert f"TEST SUITE:     {RELEASE}-test-call" in said
    assert phase == "Succeeded", said
    assert (
        await installed.items(
            "pods", "app.kubernetes.io/part-of=voicemedia,!app.kubernetes.io/name"
        )
        == []
    )
    await installed.until_gone("vms", f"{RELEASE}-test")
