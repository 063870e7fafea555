"""Where the cluster has its files, and which addresses it uses."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = Path(__file__).parent / "go"

LINK = "voicemedia0"
"""The machine's end of the wire to the node."""
MACHINE_IP = "10.245.0.1"
NODE_IP = "10.245.0.2"
WIRE_BITS = 30
POD_NETWORK = "10.244.0.0/24"
FIRST_POD_IP = "10.244.0.10"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
API_PORT = 6443
API_URL = f"https://{NODE_IP}:{API_PORT}"
NODE = "node1"


def cache_folder() -> Path:
    """Outside the checkout, so that only a new machine pays for what is in it."""
    told = os.environ.get("XDG_CACHE_HOME")
    return (Path(told) if told else Path.home() / ".cache") / "voicemedia"


@dataclass(frozen=True, slots=True)
class Place:
    """`cache` outlives the cluster, all but `run` within it: programs, and the node's images."""

    cache: Path = field(default_factory=cache_folder)

    @property
    def run(self) -> Path:
        """What is removed with the cluster; no other folder of the machine is written to."""
        return self.cache / "run"

    @property
    def containerd_root(self) -> Path:
        """The node's images. What a former cluster's containers left here, the next one sweeps."""
        return self.cache / "containerd"

    @property
    def certificates(self) -> Path:
        """Keys and certificates."""
        return self.run / "certificates"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.run / "admin.kubeconfig"

    @property
    def containerd_socket(self) -> Path:
        """Where the kubelet and `ctr` find containerd."""
        return self.run / "containerd.sock"

    @property
    def init_file(self) -> Path:
        """Names the first process of the enclosure."""
        return self.run / "init.pid"

    @property
    def kept_file(self) -> Path:
        """Is there when the cluster was left up for a developer."""
        return self.run / "kept"

    def log_of(self, daemon: str) -> Path:
        """What a daemon says."""
        return self.run / "log" / f"{daemon}.log"
