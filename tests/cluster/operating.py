"""The operator on the tests' cluster: its image, and the manifests of deploy/ with that image."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import yaml

from cluster.client import Cluster, Namespace
from cluster.commands import CommandFailed
from cluster.place import ROOT
from cluster.watching import Document

SYSTEM = "voicemedia-system"
NAME = "voicemedia-operator"
CRDS = str(ROOT / "crds")
READY_TIMEOUT_S = 60
POLL_S = 0.2


def manifests(image: str) -> list[Document]:
    """Those of deploy/voicemedia.yaml, with an image that the node has."""
    text = (ROOT / "deploy" / "voicemedia.yaml").read_text(encoding="utf-8")
    documents = [dict(document) for document in yaml.safe_load_all(text)]
    for document in documents:
        if document["kind"] == "Deployment":
            (container,) = document["spec"]["template"]["spec"]["containers"]
            container["image"] = image
    return documents


async def install_resource(cluster: Cluster) -> None:
    """Returns when VoiceMediaServers can be listed, which is a little after the CRD says so.

    Raises `TimeoutError`.
    """
    await cluster.kubectl("apply", "--server-side", "-f", CRDS)
    async with asyncio.timeout(READY_TIMEOUT_S):
        while not await _can_be_listed(cluster):  # noqa: ASYNC110  # kubectl wait fails at first
            await asyncio.sleep(POLL_S)


async def _can_be_listed(cluster: Cluster) -> bool:
    try:
        await cluster.kubectl("get", "vms", "--all-namespaces")
    except CommandFailed:
        return False
    return True


@asynccontextmanager
async def operating(cluster: Cluster) -> AsyncIterator[None]:
    """Two replicas of the operator are ready while the block runs; then all of it is removed."""
    wanted = manifests(cluster.image("Dockerfile.operator", NAME))
    await install_resource(cluster)
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": wanted})
    try:
        await cluster.kubectl("apply", "--server-side", "-f", "-", given=given)
        await _until_ready(cluster)
        yield
    finally:
        await cluster.kubectl("delete", "vms", "--all", "--all-namespaces", "--timeout=60s")
        await cluster.kubectl("delete", "--ignore-not-found", "-f", "-", given=given)
        await cluster.kubectl("delete", "--ignore-not-found", "-f", CRDS)


async def _until_ready(cluster: Cluster) -> None:
    """Raises `CommandFailed` with what happened in the operator's namespace."""
    try:
        await cluster.kubectl(
            *("rollout", "status", f"deployment/{NAME}", "--namespace", SYSTEM),
            f"--timeout={READY_TIMEOUT_S}s",
            timeout_s=READY_TIMEOUT_S + 10,
        )
    except CommandFailed as failed:
        raise CommandFailed(f"{failed}\n{Namespace(cluster, SYSTEM).story()}") from failed
