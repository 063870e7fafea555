"""The programs of a cluster, built once from their Go modules into the cache.

The versions are those of the `go.mod` files in `go/`, the sums are in `go.sum` beside them; a
program lies in a folder that is named for its version, so a new version is built anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster.commands import run
from cluster.locks import held
from cluster.place import SOURCES

BUILD_TIMEOUT_S = 1800.0
NICE = ("nice", "-n", "10")


@dataclass(frozen=True, slots=True)
class Source:
    """A module of `go/`: which module gives the version, which package each program is, and the
    variable that tells the program its version."""

    folder: str
    module: str
    packages: dict[str, str]
    version_variable: str = ""


KUBERNETES = (
    *("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    *("kubelet", "kube-proxy", "kubectl"),
)
ALL = (
    Source(
        "kubernetes",
        "k8s.io/kubernetes",
        {name: f"k8s.io/kubernetes/cmd/{name}" for name in KUBERNETES},
        "k8s.io/component-base/version.gitVersion",
    ),
    Source("etcd", "go.etcd.io/etcd/server/v3", {"etcd": "go.etcd.io/etcd/server/v3"}),
    Source(
        "helm",
        "helm.sh/helm/v3",
        {"helm": "helm.sh/helm/v3/cmd/helm"},
        "helm.sh/helm/v3/internal/version.version",
    ),
    Source("coredns", "github.com/coredns/coredns", {"coredns": "."}),
    Source("pause", "", {"pause": "."}),
)


@dataclass(frozen=True, slots=True)
class Programs:
    """Where each program lies."""

    paths: dict[str, Path]

    def __getitem__(self, name: str) -> Path:
        return self.paths[name]


def version_of(source: Source, mod_file: str) -> str:
    """As the text of the `go.mod` has it, without the v. Raises `ValueError`."""
    if not source.module:
        return "1"
    found = re.search(
        rf"^\s*(?:require )?{re.escape(source.module)} v(\S+)", mod_file, re.MULTILINE
    )
    if found is None:
        raise ValueError(f"go/{source.folder}/go.mod does not require {source.module}")
    return found[1]


def build(cache: Path, tell: Callable[[str], None]) -> Programs:
    """All programs; those that are in the cache are taken from there.

    The first time takes some ten minutes on two cores. Raises `CommandFailed`.
    """
    sentence = "another run builds the cluster's programs: waiting for it …"
    with held(cache / "programs.lock", lambda: tell(sentence)):
        return _built(cache, tell)


def _built(cache: Path, tell: Callable[[str], None]) -> Programs:
    paths: dict[str, Path] = {}
    for source in ALL:
        version = version_of(source, (SOURCES / source.folder / "go.mod").read_text("utf-8"))
        for name, package in source.packages.items():
            paths[name] = cache / f"{source.folder}-{version}" / name
            if not paths[name].exists():
                tell(f"building {name} {version} …")
                _build(source, version, package, paths[name])
    return Programs(paths)


def _build(source: Source, version: str, package: str, program: Path) -> None:
    """Under another name first, so that a build that was stopped is not taken for a program."""
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_suffix(".unfinished")
    flags = "-s -w"
    if source.version_variable:
        flags += f" -X {source.version_variable}=v{version}"
    run(
        *(*NICE, "go", "build", "-mod=readonly", "-buildvcs=false", "-trimpath"),
        *("-ldflags", flags, "-o", unfinished, package),
        cwd=SOURCES / source.folder,
        environment={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": ""},
        timeout_s=BUILD_TIMEOUT_S,
    )
    unfinished.rename(program)
