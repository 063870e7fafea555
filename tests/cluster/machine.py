"""What a machine must have to run the cluster, said in sentences if it has not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
CONTROLLERS = ("cpu", "memory", "pids")
COMMANDS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "buildah": "buildah",
    "iptables": "iptables",
    "nginx": "nginx",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "sysctl": "procps",
    "go": "golang, 1.24 or later",
}
"""Commands, each with the Debian package that has it."""
PLUGIN = Path("/usr/lib/cni/bridge")


class MachineLacks(Exception):
    """The cluster cannot run here; `sentences` say why, and what would mend it."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__("No Kubernetes can be started here: " + " ".join(sentences))
        self.sentences = tuple(sentences)


def require() -> None:
    """Raises `MachineLacks`."""
    if lacking := list(what_is_missing(os.geteuid())):
        raise MachineLacks(lacking)


def require_alone() -> None:
    """Ask when no cluster of ours runs. Raises `MachineLacks`."""
    if foreign := foreign_pods():
        raise MachineLacks([f"Pods of another kubelet run here ({foreign}): ours would end them."])


def what_is_missing(user: int) -> Iterator[str]:
    """A sentence for each thing; nothing if the cluster can run."""
    if user != 0:
        yield "It needs root, or CLUSTER_KUBECONFIG with the file of a cluster that runs."
    packages = [package for command, package in COMMANDS.items() if shutil.which(command) is None]
    if not PLUGIN.exists():
        packages.append("containernetworking-plugins")
    if packages:
        yield f"These packages are missing: {', '.join(dict.fromkeys(packages))} (make packages)."
    if missing := sorted(set(CONTROLLERS) - controllers()):
        yield f"{CGROUPS} has no cgroup controllers {', '.join(missing)}; mount them."


def controllers(root: Path = CGROUPS) -> set[str]:
    """Of version 1 (a folder for each) or version 2 (a line)."""
    unified = root / "cgroup.controllers"
    if unified.exists():
        return set(unified.read_text().split())
    if not root.exists():
        return set()
    return {name for folder in root.iterdir() if folder.is_dir() for name in folder.name.split(",")}


def kubelet_groups(root: Path = CGROUPS) -> list[Path]:
    """The cgroups that a kubelet makes for pods: one in each hierarchy."""
    return [path for path in (root / "kubepods", *root.glob("*/kubepods")) if path.exists()]


def foreign_pods(root: Path = CGROUPS) -> Path | None:
    """A cgroup of pods with processes in it."""
    for group in kubelet_groups(root):
        for members in group.rglob("cgroup.procs"):
            if members.read_text().strip():
                return members.parent
    return None


def remove_groups(root: Path = CGROUPS) -> None:
    """Those that a kubelet left, innermost first; they must be empty."""
    for group in kubelet_groups(root):
        inner = [folder for folder in group.rglob("*") if folder.is_dir()]
        for folder in [*sorted(inner, key=lambda path: len(path.parts), reverse=True), group]:
            folder.rmdir()
