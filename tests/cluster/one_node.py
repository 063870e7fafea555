"""A cluster of one node on this machine: brought up, taken down, cleared after a crash."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from cluster import certificates, control_plane, enclosure, locks, machine, node, programs
from cluster.commands import CommandFailed, run
from cluster.daemons import Daemon
from cluster.enclosure import Enclosure
from cluster.ingress import controller
from cluster.place import NODE, NODE_IP, ROOT, SOURCES, Place
from cluster.programs import Programs
from images.builder import build_from_scratch, export

READY_TIMEOUT_S = 90.0
POLL_S = 0.1
INGRESS = "ingress"
CONTAINERD = "containerd"
CONNECT_TIMEOUT_S = 1.0

Tell = Callable[[str], None]


class StartFailed(Exception):
    """The cluster did not become ready; the message has what its daemons said last."""


@dataclass(slots=True)
class OneNode:
    """A cluster that runs here. `daemons` are its programs, by name."""

    place: Place
    programs: Programs
    enclosure: Enclosure
    daemons: dict[str, Daemon] = field(default_factory=dict)

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """What kubectl says, as the administrator. Raises `CommandFailed`."""
        told = ("--kubeconfig", self.place.kubeconfig)
        return run(self.programs["kubectl"], *told, *words, given=given)

    def containerd(self, *words: str | Path, timeout_s: float = 120) -> str:
        """What `ctr` says of the pods' containers and images. Raises `CommandFailed`."""
        told = ("--address", self.place.containerd_socket, "--namespace", "k8s.io")
        return self.enclosure.run("ctr", *told, *words, timeout_s=timeout_s)

    def has_image(self, name: str) -> bool:
        """Pods can be started from it."""
        return name in self.image_names(name.rpartition(":")[0])

    def image_names(self, repository: str) -> list[str]:
        """All that the node has of a repository, by their tags."""
        names = self.containerd("images", "list", "--quiet").split()
        return [name for name in names if name.rpartition(":")[0] == repository]

    def take_image(self, image_id: str, reference: str) -> None:
        """From the builder's store; pods call it by the reference."""
        archive = self.place.run / f"{image_id.removeprefix('sha256:')}.tar"
        export(image_id, reference, archive)
        self.containerd("images", "import", archive)
        archive.unlink()

    def until(self, what: str, condition: Callable[[], object], *needed: str) -> None:
        """Polls; the needed daemons must live. Raises `StartFailed` or `DaemonFailed`."""
        until_s = time.monotonic() + READY_TIMEOUT_S
        while True:
            for name in needed:
                self.daemons[name].require_alive()
            try:
                if condition():
                    return
            except CommandFailed as failed:
                last = str(failed)
            else:
                last = "not yet"
            if time.monotonic() > until_s:
                logs = "\n".join(f"{name}: {self.daemons[name].end_of_log()}" for name in needed)
                raise StartFailed(f"{what}: {last}\n{logs}")
            time.sleep(POLL_S)


def lock(place: Place, tell: Tell) -> contextlib.AbstractContextManager[None]:
    """One cluster at a time on a machine: others wait here. It ends with who holds it."""
    sentence = "another run uses the cluster of this machine: waiting for it …"
    return locks.held(place.cache / "cluster.lock", lambda: tell(sentence))


def start(place: Place, tell: Tell, *, is_tied: bool) -> OneNode:
    """A Ready node, after what a crashed run left was cleared. The lock must be held.

    With `is_tied` the cluster ends with this process, however that ends. Raises `MachineLacks`,
    `CommandFailed`, `EnclosureFailed`, `DaemonFailed` or `StartFailed`.
    """
    machine.require()
    clear(place)
    machine.require_alone()
    built = programs.build(place.cache, tell)
    _write_files(place)
    cluster = OneNode(place, built, enclosure.start(place, built["pause"], is_tied=is_tied))
    cluster.daemons = _daemons(cluster)
    try:
        enclosure.furnish(cluster.enclosure)
        _start_all(cluster)
    except BaseException:
        stop(cluster)
        raise
    return cluster


def running(place: Place) -> OneNode | None:
    """The cluster that was left up here, if it lives."""
    inside = enclosure.running(place)
    if inside is None or not place.kept_file.exists():
        return None
    cluster = OneNode(place, programs.build(place.cache, lambda _: None), inside)
    cluster.daemons = _daemons(cluster)
    return cluster


def stop(cluster: OneNode) -> None:
    """Ends everything and removes what it made."""
    enclosure.end(cluster.enclosure)
    clear(cluster.place)


def clear(place: Place) -> None:
    """Ends what runs of an earlier cluster, and removes what it made, however it ended."""
    inside = enclosure.running(place)
    if inside is not None:
        enclosure.end(inside)
    if not place.run.exists():
        return
    until_s = time.monotonic() + READY_TIMEOUT_S
    while enclosure.wire_is_there() and time.monotonic() < until_s:
        time.sleep(POLL_S)  # the kernel takes network namespaces down behind our back
    machine.remove_groups()
    shutil.rmtree(place.run)


def left_behind(place: Place) -> list[str]:
    """What is still here of a cluster that was taken down; nothing, if all is well."""
    found = [str(group) for group in machine.kubelet_groups()]
    if place.run.exists():
        found.append(str(place.run))
    if enclosure.wire_is_there():
        found.append("the wire to the node")
    return found


def _write_files(place: Place) -> None:
    place.run.mkdir(mode=0o755, parents=True)
    (place.run / "log").mkdir()
    certificates.write_all(place.certificates, place.run)
    for name, text in node.files(place).items():
        path = place.run / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def _daemons(cluster: OneNode) -> dict[str, Daemon]:
    told = {
        **control_plane.commands(cluster.programs, cluster.place),
        **node.commands(cluster.programs, cluster.place),
        INGRESS: _ingress(cluster.place),
    }
    return {
        name: Daemon(name, command, cluster.place, cluster.enclosure)
        for name, command in told.items()
    }


def _ingress(place: Place) -> list[str]:
    code = (
        "env",
        f"PYTHONPATH={ROOT / 'tests'}",
        "PYTHONSAFEPATH=1",
        sys.executable,
        "-m",
        controller.__name__,
    )
    return [*code, str(place.certificates), str(place.run / INGRESS)]


def _start_all(cluster: OneNode) -> None:
    """The node's part is made ready while the API server starts, which takes longest."""
    daemons = cluster.daemons
    for name in ("etcd", "kube-apiserver"):
        daemons[name].start()
    with ThreadPoolExecutor(1) as beside:
        containerd = beside.submit(_start_containerd, cluster)
        cluster.until(
            "the API server's readiness",
            lambda: cluster.kubectl("get", "--raw", "/readyz") == "ok",
            *("etcd", "kube-apiserver"),
        )
        containerd.result()
    for name in ("kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy"):
        daemons[name].start()
    for name in ("coredns", INGRESS):
        daemons[name].start()
    cluster.kubectl("apply", "-f", "-", given=json.dumps(controller.CLASS_OBJECT))
    cluster.until("the node's readiness", lambda: _is_ready(cluster), *daemons)
    cluster.until("the ingress", lambda: _listens(NODE_IP, controller.PORT), INGRESS)


def _is_ready(cluster: OneNode) -> bool:
    ready = "{.status.conditions[?(@.type=='Ready')].status}"
    has_account = cluster.kubectl("get", "serviceaccount", "default", "-o", "name")
    return bool(has_account) and (
        cluster.kubectl("get", "node", NODE, "-o", f"jsonpath={ready}") == "True"
    )


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _start_containerd(cluster: OneNode) -> None:
    """With the images of former runs, without their containers."""
    sweeping = Daemon(
        "containerd-sweeping",
        ["containerd", "--config", str(cluster.place.run / node.SWEEPING)],
        *(cluster.place, cluster.enclosure),
    )
    cluster.daemons[sweeping.name] = sweeping
    sweeping.start()
    cluster.until("containerd", lambda: cluster.containerd("version"), sweeping.name)
    if former := cluster.containerd("containers", "list", "--quiet").split():
        cluster.containerd("containers", "remove", *former)
    sweeping.stop()
    del cluster.daemons[sweeping.name]
    shutil.rmtree(cluster.place.containerd_root / node.CRI, ignore_errors=True)
    cluster.daemons[CONTAINERD].start()
    cluster.until("containerd", lambda: cluster.containerd("version"), CONTAINERD)
    _take_pause(cluster)


def _take_pause(cluster: OneNode) -> None:
    """The image of what holds a pod's namespaces."""
    if not cluster.has_image(node.PAUSE_IMAGE):
        folder, dockerfile = cluster.programs["pause"].parent, SOURCES / "pause" / "Dockerfile"
        cluster.take_image(
            build_from_scratch(dockerfile, folder, node.PAUSE_IMAGE), node.PAUSE_IMAGE
        )
