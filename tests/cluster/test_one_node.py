"""The cluster of our own: what tests may do to it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from cluster import one_node
from cluster.client import Cluster, Namespace, has_condition
from cluster.front_door import until_steady
from cluster.manifests import ingress, media_pod, service
from cluster.one_node import OneNode
from cluster.place import Place

pytestmark = [pytest.mark.system, pytest.mark.own_cluster, pytest.mark.timeout(900)]

NAME = "echo"


@pytest.fixture
def own(cluster: Cluster) -> OneNode:
    assert cluster.own is not None, "with a cluster that was given this file is deselected"
    return cluster.own


async def test_the_api_server_can_be_killed_and_the_ingress_goes_on_and_follows(
    own: OneNode, namespace: Namespace, media_image: str
) -> None:
    await namespace.apply(media_pod(NAME, media_image), service(NAME), ingress(NAME, "/whip"))
    await namespace.pod_is_ready(NAME)
    url = await namespace.ingress_url(NAME)
    await until_steady(f"{url}/whip")
    api_server = own.daemons["kube-apiserver"]

    api_server.stop(signal.SIGKILL)
    await until_steady(f"{url}/whip")
    api_server.start()
    own.until("the API server's readiness", lambda: own.kubectl("get", "--raw", "/readyz") == "ok")

    await namespace.apply(ingress(NAME, "/"))
    await until_steady(f"{url}/livez", "GET")


async def test_the_daemons_are_those_that_the_files_tell_of(cluster: Cluster, own: OneNode) -> None:
    nodes = (await cluster.json("get", "nodes"))["items"]

    assert all(daemon.is_alive for daemon in own.daemons.values())
    assert [has_condition(node, "Ready") for node in nodes] == [True]


def test_where_nothing_was_started_nothing_is_cleared(tmp_path: Path) -> None:
    one_node.clear(Place(tmp_path))

    assert not (tmp_path / "run").exists()
