"""The operator runs a fleet on a real Kubernetes: calls get through, and none is lost."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
import yaml

from cluster.client import Cluster, Namespace
from cluster.front_door import until_steady
from cluster.operating import manifests, operating
from cluster.place import ROOT
from cluster.watching import Document
from interop.server_process import until
from interop.tone_client import ToneClient

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

FRAMES_HEARD = 100
WAIT_S = 120.0


def test_the_manifests_are_those_of_deploy_but_for_the_image() -> None:
    (deployment,) = (each for each in manifests("here") if each["kind"] == "Deployment")

    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "here"


@pytest.fixture(scope="module")
def operator(cluster: Cluster) -> Iterator[None]:
    """Running in the cluster, for all tests here."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        runner.run(stack.enter_async_context(operating(cluster)))
        yield
        runner.run(stack.aclose())


def voice(image: str, **spec: Any) -> Document:
    """The smallest example, with the image of this checkout."""
    document: Document = yaml.safe_load((ROOT / "examples" / "minimal.yaml").read_text())
    small = {"requests": {"cpu": "50m", "memory": "96Mi"}}
    document["spec"] |= {"image": image, "pod": {"resources": small}, **spec}
    return document


async def available(namespace: Namespace) -> None:
    words = ("wait", "--for=condition=Available", "vms/voice", f"--timeout={WAIT_S:.0f}s")
    where = ("--namespace", namespace.name)
    await namespace.cluster.kubectl(*words, *where, timeout_s=WAIT_S + 10)


async def whip_url(namespace: Namespace) -> str:
    """Of the fleet's Service."""
    service = await namespace.get("service", "voice")
    url = f"http://{service['spec']['clusterIP']}/whip"
    await until_steady(url)
    return url


@asynccontextmanager
async def call(namespace: Namespace, url: str) -> AsyncIterator[ToneClient]:
    """An open call of somebody who has the token that the operator made."""
    secret = await namespace.get("secret", "voice-tokens")
    token = base64.b64decode(secret["data"]["tokens"]).decode().strip()
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as http, ToneClient(http, 440.0) as client:
        await client.open(url)
        assert client.status == 201
        yield client


async def until_heard(client: ToneClient, more_frames: int = FRAMES_HEARD) -> None:
    before = len(client.frames)

    async def is_heard() -> bool:
        return len(client.frames) >= before + more_frames

    await until(is_heard, 30, f"{more_frames} frames of echo")


async def test_a_resource_becomes_available_and_a_call_is_echoed(
    namespace: Namespace, operator: None, media_image: str
) -> None:
    await namespace.apply(voice(media_image))
    await available(namespace)

    async with call(namespace, await whip_url(namespace)) as client:
        await until_heard(client)
        await namespace.until(
            "vms", "voice", lambda vms: vms["status"]["sessions"]["total"] == 1, WAIT_S
        )

        assert client.heard_hz() == pytest.approx(440.0, abs=2)


async def test_an_update_loses_no_call(
    namespace: Namespace, operator: None, media_image: str
) -> None:
    await namespace.apply(voice(media_image))
    await available(namespace)
    url = await whip_url(namespace)

    async with call(namespace, url) as client:
        await until_heard(client)
        (old,) = await namespace.items("pods")
        await namespace.apply(voice(media_image, media={"maxSessionsPerPod": 100}))
        await namespace.until(
            "vms", "voice", lambda vms: vms["status"]["drainingReplicas"] == 1, WAIT_S
        )
        await until_heard(client)
        async with call(namespace, url) as newcomer:
            await until_heard(newcomer)
        during = {pod["metadata"]["name"] for pod in await namespace.items("pods")}

    await namespace.until_gone("pod", old["metadata"]["name"], WAIT_S)
    assert old["metadata"]["name"] in during
    assert len(during) == 2


async def test_a_resource_that_is_deleted_lets_its_call_end_first(
    namespace: Namespace, operator: None, media_image: str
) -> None:
    await namespace.apply(voice(media_image))
    await available(namespace)

    async with call(namespace, await whip_url(namespace)) as client:
        await until_heard(client)
        await namespace.delete("vms", "voice")
        await namespace.until(
            "vms", "voice", lambda vms: vms["status"].get("phase") == "Deleting", WAIT_S
        )
        await until_heard(client, 3 * FRAMES_HEARD)
        during = len(await namespace.items("pods"))

    await namespace.until_gone("vms", "voice", WAIT_S)
    assert during == 1
