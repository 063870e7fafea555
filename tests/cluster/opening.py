"""Which cluster the tests use: the one that is given, the one that was left up, or their own."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from pathlib import Path

from cluster import machine, one_node, pod_images
from cluster.client import Cluster, Namespace
from cluster.one_node import OneNode, Tell
from cluster.place import Place

KUBECONFIG = "CLUSTER_KUBECONFIG"
"""Not VOICEMEDIA_…: the servers of other tests would take it for a setting that is none."""
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
"""What the pods of a namespace may do, as the Pod Security Standards name it."""


class ClusterLacks(Exception):
    """A given cluster cannot be used as it was given; the message says what is missing."""


@contextlib.contextmanager
def open_cluster(place: Place, tell: Tell) -> Iterator[Cluster]:
    """For as long as the block runs. Raises what `one_node.start` raises, or `ClusterLacks`."""
    given = os.environ.get(KUBECONFIG)
    if given:
        yield given_cluster(Path(given), os.environ)
        return
    machine.require()
    with one_node.lock(place, tell):
        kept = one_node.running(place)
        cluster = kept or one_node.start(place, tell, is_tied=True)
        try:
            yield seen(cluster)
        finally:
            if kept is None:
                one_node.stop(cluster)


def seen(own: OneNode) -> Cluster:
    """A cluster of ours, as tests see it."""
    return Cluster(
        own.programs["kubectl"], own.place.kubeconfig, partial(pod_images.load, own), own
    )


def given_cluster(kubeconfig: Path, environment: Mapping[str, str]) -> Cluster:
    """One that runs elsewhere; its images are named, since only its owner can bring them there.

    Raises `ClusterLacks`.
    """
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise ClusterLacks("kubectl is not on this machine.")
    if not kubeconfig.is_file():
        raise ClusterLacks(f"{KUBECONFIG} names {kubeconfig}, which is no file.")

    def image(dockerfile: str, name: str) -> str:
        variable = f"CLUSTER_{name.rpartition('-')[2].upper()}_IMAGE"
        told = environment.get(variable)
        if not told:
            raise ClusterLacks(f"{variable} must name an image of {dockerfile} that pods can pull.")
        return told

    return Cluster(Path(kubectl), kubeconfig, image)


@contextlib.asynccontextmanager
async def fresh_namespace(cluster: Cluster) -> AsyncIterator[Namespace]:
    """A fresh one, removed at the end with all that is in it."""
    name = f"test-{secrets.token_hex(4)}"
    labels = " ".join(f"{key}={value}" for key, value in RESTRICTED.items())
    await cluster.kubectl("create", "namespace", name)
    await cluster.kubectl("label", "namespace", name, labels)
    try:
        yield Namespace(cluster, name)
    finally:
        pods = ("delete", "pods", "--all", "--namespace", name)
        await cluster.kubectl(*pods, "--grace-period=1", "--wait=false")
        await cluster.kubectl("delete", "namespace", name, "--wait=false")
