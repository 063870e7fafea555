"""A real Kubernetes runs our image: pods get ready, calls get through, a drain gets its grace."""

from __future__ import annotations

import asyncio
import time

import pytest

from cluster.client import Cluster, Namespace, has_condition
from cluster.front_door import until_steady
from cluster.manifests import ingress, media_pod, service
from interop.server_process import until
from interop.tone_client import ToneClient, tone_call

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

NAME = "echo"
DRAIN_S = 12.0
STEP_S = 5.0
FRAMES_HEARD = 100


async def until_heard(client: ToneClient, more_frames: int) -> None:
    before = len(client.frames)

    async def is_heard() -> bool:
        return len(client.frames) >= before + more_frames

    await until(is_heard, 20, f"{more_frames} frames of echo")


async def running_server(namespace: Namespace, image: str, **environment: str) -> tuple[str, str]:
    """A Ready pod behind the ingress: its address, and the URL for WHIP."""
    await namespace.apply(
        media_pod(NAME, image, **environment), service(NAME), ingress(NAME, "/whip")
    )
    pod = await namespace.pod_is_ready(NAME)
    url = f"{await namespace.ingress_url(NAME)}/whip"
    await until_steady(url)
    return pod["status"]["podIP"], url


async def test_every_node_is_ready(cluster: Cluster) -> None:
    nodes = (await cluster.json("get", "nodes"))["items"]

    assert nodes
    assert all(has_condition(node, "Ready") for node in nodes)


async def test_a_call_through_the_ingress_is_echoed_by_the_pod_itself(
    namespace: Namespace, media_image: str
) -> None:
    address, url = await running_server(namespace, media_image)

    async with tone_call(url, 440.0) as client:
        await until_heard(client, FRAMES_HEARD)

        (session,) = (await namespace.pod_json(NAME, "/stats"))["per_session"]
        assert client.heard_hz() == pytest.approx(440.0, abs=2)
        assert session["received"]["lost"] == 0
        assert f" {address} " in client.answer
    assert any("session connected" in line for line in await namespace.logs(NAME))


async def test_a_pod_with_a_call_is_given_the_time_to_drain(
    namespace: Namespace, media_image: str
) -> None:
    _, url = await running_server(namespace, media_image, VOICEMEDIA_DRAIN_LIMIT_S=f"{DRAIN_S:.0f}")

    async with tone_call(url) as client:
        await until_heard(client, FRAMES_HEARD)
        began_s = time.monotonic()
        going = asyncio.ensure_future(namespace.delete_to_the_end("pod", NAME))
        while time.monotonic() < began_s + DRAIN_S - STEP_S:
            await until_heard(client, FRAMES_HEARD // 2)
        last = await going

    (container,) = last["status"]["containerStatuses"]
    assert time.monotonic() - began_s >= DRAIN_S
    assert container["state"]["terminated"]["exitCode"] == 0


async def inside(namespace: Namespace, script: str) -> str:
    """What Python says in the pod, good or bad."""
    words = ("exec", NAME, "--namespace", namespace.name, "--", "sh", "-c")
    return await namespace.cluster.kubectl(*words, f'python -c "{script}" 2>&1 || true')


async def test_a_pod_cannot_write_its_files_and_finds_services_by_name(
    namespace: Namespace, media_image: str
) -> None:
    await namespace.apply(media_pod(NAME, media_image), service("other"))
    await namespace.pod_is_ready(NAME)
    address = (await namespace.get("service", "other"))["spec"]["clusterIP"]

    touched = await inside(namespace, "import pathlib; pathlib.Path('/tmp/x').touch()")
    found = await inside(namespace, "import socket; print(socket.gethostbyname('other'))")

    assert "Read-only file system" in touched
    assert found == address
