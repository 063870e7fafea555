"""The operator as a process against a real API server, as the service account of deploy/.

Nothing runs there: the tests play the kubelet, and a small admin port stands for each pod.
"""

from __future__ import annotations

import asyncio
import base64
import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from apiserver.operators import OperatorProcess, running_operator
from apiserver.pods import DOCUMENT, MediaPod
from apiserver.real import Plane, running_plane
from cluster.client import Namespace
from cluster.operating import install_resource
from cluster.watching import Document
from voicemedia_operator.reconcile.names import Annotation, Label
from voicemedia_operator.spec.media import ADMIN_PORT

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
ACCOUNT = "voicemedia-operator"
SYSTEM = "voicemedia-system"
WAIT_S = 30.0
POLL_S = 0.1
OURS = f"{Label.RESOURCE}=voice"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """With our resource, and the operator's account and its rights."""
    with running_plane(tmp_path_factory.mktemp("plane")) as running:
        asyncio.run(_prepare(running))
        yield running


async def _prepare(plane: Plane) -> None:
    kubectl = plane.cluster.kubectl
    await kubectl("create", "namespace", SYSTEM)
    await install_resource(plane.cluster)
    await kubectl("apply", "--server-side", "-f", str(ROOT / "deploy" / "voicemedia.yaml"))


@pytest.fixture
async def kubeconfig(plane: Plane) -> Path:
    """The operator's own."""
    token = await plane.cluster.kubectl("create", "token", ACCOUNT, "--namespace", SYSTEM)
    return plane.kubeconfig_of(token, ACCOUNT)


@pytest.fixture
async def operator(kubeconfig: Path, tmp_path: Path) -> AsyncIterator[OperatorProcess]:
    """One that acts, looking often."""
    async with acting(kubeconfig, tmp_path) as running:
        yield running
        assert not [line for line in running.log if "a look broke" in line]


@asynccontextmanager
async def acting(
    kubeconfig: Path, folder: Path, name: str = "operator-1"
) -> AsyncIterator[OperatorProcess]:
    """It leaves in the end, so that the next one need not wait."""
    settings = {"POLL_S": "0.2", "POD_DEADLINE_S": "2"}
    environment = {"POD_NAMESPACE": SYSTEM}
    async with running_operator(kubeconfig, folder, name, environment, **settings) as running:
        await running.until_ready()
        yield running
        running.kill(signal.SIGTERM)
        await running.ended()


@pytest.fixture
async def namespace(plane: Plane) -> Namespace:
    """A fresh one."""
    made = Namespace(plane.cluster, f"calls-{next(_NUMBERS)}")
    await plane.cluster.kubectl("create", "namespace", made.name)
    return made


_NUMBERS = iter(range(1, 1000))
_ADDRESSES = (f"127.71.{a}.{b}" for a in range(256) for b in range(1, 255))


@dataclass(slots=True)
class Kubelet:
    """Plays the node of a namespace's pods: each gets an address and a small admin port."""

    namespace: Namespace
    stack: AsyncExitStack
    media: dict[str, MediaPod] = field(default_factory=dict)

    async def run_all(self) -> None:
        """Pods that do not run yet become ready."""
        for pod in await self.namespace.items("pods"):
            name = pod["metadata"]["name"]
            if name not in self.media:
                await self.run(name)

    async def run(self, name: str, sessions: int = 0) -> None:
        """One pod becomes ready."""
        address = next(_ADDRESSES)
        secret = await self.namespace.get("secret", "voice-fleet")
        media = MediaPod()
        media.token = base64.b64decode(secret["data"]["admin-token"]).decode()
        media.document = {**DOCUMENT, "is_draining": False, "flags_revision": 0}
        media.obeys = True
        await self.stack.enter_async_context(media.serving(address, ADMIN_PORT))
        self.media[name] = media
        self.hold(name, sessions)
        running = {"startedAt": "2026-11-25T09:00:00Z"}
        container = {
            "name": "media",
            "image": "x",
            "imageID": "x",
            "ready": True,
            "restartCount": 0,
            "state": {"running": running},
        }
        status = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [container],
        }
        await self._patch(name, {"status": status}, "--subresource=status")

    def hold(self, name: str, sessions: int) -> None:
        """The pod has so many calls now."""
        self.media[name].document |= {
            "sessions": sessions,
            "sessions_by_transport": {"webrtc": sessions, "websocket": 0},
        }

    async def _patch(self, name: str, patch: Document, *options: str) -> None:
        words = ("patch", "pod", name, "--namespace", self.namespace.name, "--type=merge")
        await self.namespace.cluster.kubectl(*words, *options, "-p", json.dumps(patch))


@pytest.fixture
async def kubelet(namespace: Namespace) -> AsyncIterator[Kubelet]:
    async with AsyncExitStack() as stack:
        yield Kubelet(namespace, stack)


def example(name: str = "minimal", **spec: Any) -> Document:
    """One of examples/, changed."""
    document: Document = yaml.safe_load((ROOT / "examples" / f"{name}.yaml").read_text())
    document["spec"] |= spec
    return document


async def applied(namespace: Namespace, pods: int = 1, **spec: Any) -> None:
    """The minimal example, with its pods made."""
    await namespace.apply(example(replicas=pods, **spec))
    await namespace.until(
        "vms", "voice", lambda vms: vms.get("status", {}).get("replicas") == pods, WAIT_S
    )


async def available(namespace: Namespace, kubelet: Kubelet, pods: int, **spec: Any) -> list[str]:
    """Names of pods that take calls."""
    await applied(namespace, pods, **spec)
    await kubelet.run_all()
    await until_ready(namespace, pods)
    return sorted(kubelet.media)


async def until_ready(namespace: Namespace, pods: int) -> Document:
    return await namespace.until(
        "vms", "voice", lambda vms: vms["status"].get("readyReplicas") == pods, WAIT_S
    )


async def names(namespace: Namespace, kind: str) -> set[str]:
    return {each["metadata"]["name"] for each in await namespace.items(kind)}


async def serving(namespace: Namespace) -> set[str]:
    """Pods that the Service selects."""
    service = await namespace.get("service", "voice")
    selector = ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
    return {pod["metadata"]["name"] for pod in await namespace.items("pods", selector)}


async def test_the_smallest_resource_gets_all_that_it_needs(
    namespace: Namespace, operator: OperatorProcess
) -> None:
    await applied(namespace)

    assert await names(namespace, "services") == {"voice"}
    assert {"voice-fleet", "voice-tokens"} <= await names(namespace, "secrets")
    assert {"voice-flags", "voice-accepted"} <= await names(namespace, "configmaps")
    (pod,) = await namespace.items("pods")
    assert pod["metadata"]["labels"][Label.SERVING] == "true"
    assert pod["metadata"]["ownerReferences"][0]["controller"]


async def test_it_is_available_once_its_pod_is_ready(
    namespace: Namespace, kubelet: Kubelet, operator: OperatorProcess
) -> None:
    await applied(namespace)
    await kubelet.run_all()

    words = ("wait", "--for=condition=Available", "vms/voice", "--timeout=30s")
    said = await namespace.cluster.kubectl(*words, "--namespace", namespace.name)

    assert "condition met" in said
    shown = await namespace.cluster.kubectl("get", "vms", "--namespace", namespace.name)
    assert "Ready" in shown


async def test_what_pods_say_of_their_calls_is_told(
    namespace: Namespace, kubelet: Kubelet, operator: OperatorProcess
) -> None:
    (name,) = await available(namespace, kubelet, 1)

    kubelet.hold(name, 7)

    await namespace.until(
        "vms", "voice", lambda vms: vms["status"]["sessions"].get("total") == 7, WAIT_S
    )


async def test_the_pod_with_fewest_calls_leaves_and_waits_for_them(
    namespace: Namespace, kubelet: Kubelet, operator: OperatorProcess
) -> None:
    first, second = await available(namespace, kubelet, 2)
    kubelet.hold(first, 3)
    kubelet.hold(second, 1)
    await namespace.until(
        "vms", "voice", lambda vms: vms["status"]["sessions"].get("total") == 4, WAIT_S
    )

    await namespace.apply(example(replicas=1))
    await namespace.until("pod", second, _is_marked, WAIT_S)
    await namespace.until(
        "vms", "voice", lambda vms: vms["status"].get("drainingReplicas") == 1, WAIT_S
    )
    during = await serving(namespace), await names(namespace, "pods")
    kubelet.hold(second, 0)
    await namespace.until_gone("pod", second, WAIT_S)

    assert during == ({first}, {first, second})
    assert await names(namespace, "pods") == {first}


def _is_marked(pod: Document) -> bool:
    return Annotation.DRAIN_SINCE in pod["metadata"].get("annotations", {})


async def test_a_pod_that_drains_is_taken_back_when_it_is_wanted_again(
    namespace: Namespace, kubelet: Kubelet, operator: OperatorProcess
) -> None:
    first, second = await available(namespace, kubelet, 2)
    kubelet.hold(first, 3)
    kubelet.hold(second, 1)
    await namespace.until(
        "vms", "voice", lambda vms: vms["status"]["sessions"].get("total") == 4, WAIT_S
    )
    await namespace.apply(example(replicas=1))
    await namespace.until("pod", second, _is_marked, WAIT_S)

    await namespace.apply(example(replicas=2))
    await until_ready(namespace, 2)

    assert await serving(namespace) == {first, second}
    assert kubelet.media[second].told[-1][0] == "POST /undrain"


async def test_a_new_image_comes_before_the_old_pods_leave(
    namespace: Namespace, kubelet: Kubelet, operator: OperatorProcess
) -> None:
    (old,) = await available(namespace, kubelet, 1)
    kubelet.hold(old, 1)

    await namespace.apply(example(image="voicemedia-media:0.2.0"))
    await _until_pods(namespace, 2)
    before = await serving(namespace)
    await kubelet.run_all()
    await namespace.until("pod", old, _is_marked, WAIT_S)
    (new,) = await serving(namespace)
    kubelet.hold(old, 0)
    await namespace.until_gone("pod", old, WAIT_S)

    assert old in before
    assert new != old
    assert await names(namespace, "pods") == {new}


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110  # what is waited for is in another process
            await asyncio.sleep(POLL_S)


async def _until_pods(namespace: Namespace, count: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while len(await namespace.items("pods")) != count:  # noqa: ASYNC110  # kubectl waits not
            await asyncio.sleep(POLL_S)


async def test_flags_reach_every_pod(
    namespace: Namespace, kubelet: Kubelet, operator: OperatorProcess
) -> None:
    (name,) = await available(namespace, kubelet, 1)

    await namespace.apply(example(rollout={"weight": 25}))
    await namespace.until(
        "configmap",
        "voice-flags",
        lambda found: '"weightPercent": 25' in str(found["data"]),
        WAIT_S,
    )
    await _until(lambda: 25 in weights_told(kubelet.media[name]))


def weights_told(media: MediaPod) -> list[float]:
    """Of all flag documents that a pod was given."""
    return [body["rollout"]["weightPercent"] for path, body in media.told if path == "PUT /flags"]


async def test_a_resource_that_is_deleted_waits_for_its_calls_and_takes_all_along(
    namespace: Namespace, kubelet: Kubelet, operator: OperatorProcess
) -> None:
    (name,) = await available(namespace, kubelet, 1)
    kubelet.hold(name, 1)
    await namespace.until(
        "vms", "voice", lambda vms: vms["status"]["sessions"].get("total") == 1, WAIT_S
    )

    await namespace.delete("vms", "voice")
    await namespace.until(
        "vms", "voice", lambda vms: vms["status"].get("phase") == "Deleting", WAIT_S
    )
    during = await names(namespace, "pods")
    kubelet.hold(name, 0)
    await namespace.until_gone("vms", "voice", WAIT_S)
    for kind in ("services", "secrets", "configmaps", "pods"):
        await _until_none(namespace, kind)

    assert during == {name}


async def _until_none(namespace: Namespace, kind: str) -> None:
    """What Kubernetes puts into every namespace is none of ours."""
    async with asyncio.timeout(WAIT_S):
        while await namespace.items(kind, OURS):  # noqa: ASYNC110  # kubectl waits not
            await asyncio.sleep(POLL_S)


async def test_an_api_server_that_starts_again_is_followed_again(
    plane: Plane, namespace: Namespace, kubelet: Kubelet, operator: OperatorProcess
) -> None:
    await available(namespace, kubelet, 1)

    plane.kill("kube-apiserver")
    plane.run("kube-apiserver")
    await asyncio.to_thread(plane.until_ready)
    await namespace.apply(example(replicas=2))

    await _until_pods(namespace, 2)


async def test_an_operator_that_was_killed_leaves_nothing_twice(
    kubeconfig: Path, tmp_path: Path, namespace: Namespace
) -> None:
    async with acting(kubeconfig, tmp_path) as first:
        await namespace.apply(example(replicas=3))
        await _until_pods(namespace, 3)
        first.kill()
    async with acting(kubeconfig, tmp_path, "operator-2"):
        await namespace.until(
            "vms", "voice", lambda vms: vms.get("status", {}).get("replicas") == 3, WAIT_S
        )

    assert len(await namespace.items("pods")) == 3
