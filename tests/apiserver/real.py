"""A real API server for the operator alone: etcd, kube-apiserver and the controllers that collect
what has no owner any more. No node: tests play the kubelet.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from apiserver.operators import free_port
from cluster import certificates, programs
from cluster.client import Cluster
from cluster.commands import CommandFailed
from cluster.place import cache_folder
from cluster.programs import Programs

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
POLL_S = 0.1
CONTROLLERS = "garbage-collector-controller,serviceaccount-controller,namespace-controller"


class PlaneFailed(Exception):
    """It did not become ready; the message has what its programs said last."""


@dataclass(slots=True)
class Plane:
    """`folder` has its files, and its logs."""

    folder: Path
    programs: Programs
    port: int = field(default_factory=free_port)
    etcd_port: int = field(default_factory=free_port)
    etcd_peer_port: int = field(default_factory=free_port)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / "admin.kubeconfig"

    @property
    def cluster(self) -> Cluster:
        """As tests see it. It has no images, since nothing runs on it."""
        return Cluster(self.programs["kubectl"], self.kubeconfig, _no_image)

    def start(self) -> None:
        """Raises `PlaneFailed`."""
        certificates.write_all(self.folder / "pki", self.folder)
        self._point(self.kubeconfig)
        for name in self._commands():
            self.run(name)
        self.until_ready()

    def kubeconfig_of(self, token: str, name: str) -> Path:
        """For whoever has the token."""
        document = json.loads(self.kubeconfig.read_text())
        document["users"][0]["user"] = {"token": token}
        path = self.folder / f"{name}.kubeconfig"
        path.write_text(json.dumps(document))
        return path

    def run(self, name: str) -> None:
        """Starts one of its programs; returns before it is ready."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._commands()[name], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Returns when it is gone."""
        process = self._running.pop(name)
        process.send_signal(number)
        process.wait(STOP_TIMEOUT_S)

    def until_ready(self) -> None:
        """Raises `PlaneFailed`."""
        until_s = time.monotonic() + READY_TIMEOUT_S
        while not self._is_ready():
            if time.monotonic() > until_s:
                logs = "\n".join(self._end_of_log(name) for name in self._running)
                raise PlaneFailed(logs)
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Ends everything."""
        for name in reversed(list(self._running)):
            self.kill(name)

    def _is_ready(self) -> bool:
        command = self.cluster.command("get", "--raw", "/readyz")
        done = subprocess.run(command, capture_output=True, timeout=20, check=False)
        return done.returncode == 0 and done.stdout == b"ok"

    def _end_of_log(self, name: str) -> str:
        log = (self.folder / f"{name}.log").read_bytes()
        return f"{name}: {log[-2000:].decode(errors='replace')}"

    def _point(self, path: Path) -> None:
        """At our API server: the certificates are good for loopback, too."""
        document = json.loads(path.read_text())
        document["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        path.write_text(json.dumps(document))

    def _commands(self) -> dict[str, list[str]]:
        pki = self.folder / "pki"
        etcd_url = f"http://127.0.0.1:{self.etcd_port}"
        peer_url = f"http://127.0.0.1:{self.etcd_peer_port}"
        told = {
            "etcd": [
                f"--data-dir={self.folder / 'etcd'}",
                "--unsafe-no-fsync",
                f"--listen-client-urls={etcd_url}",
                f"--advertise-client-urls={etcd_url}",
                f"--listen-peer-urls={peer_url}",
                f"--initial-advertise-peer-urls={peer_url}",
                f"--initial-cluster=default={peer_url}",
                "--log-level=warn",
            ],
            "kube-apiserver": [
                f"--etcd-servers={etcd_url}",
                "--bind-address=127.0.0.1",
                f"--secure-port={self.port}",
                "--endpoint-reconciler-type=none",
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.96.0.0/16",
                f"--client-ca-file={pki / 'ca.crt'}",
                f"--tls-cert-file={pki / 'apiserver.crt'}",
                f"--tls-private-key-file={pki / 'apiserver.key'}",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={pki / 'service-accounts.pub'}",
                f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
            ],
            "kube-controller-manager": [
                f"--kubeconfig={self.kubeconfig}",
                "--leader-elect=false",
                f"--controllers={CONTROLLERS}",
                "--secure-port=0",
            ],
        }
        return {name: [str(self.programs[name]), *words] for name, words in told.items()}


def _no_image(dockerfile: str, name: str) -> str:
    raise CommandFailed(f"nothing runs here: {name} of {dockerfile}")


@contextlib.contextmanager
def running_plane(folder: Path) -> Iterator[Plane]:
    """Its programs come from the cache of the tests' cluster. Raises `PlaneFailed`."""
    plane = Plane(folder, programs.build(cache_folder(), print))
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()
