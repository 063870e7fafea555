"""Helm, as a user calls it on the chart of this checkout; it comes from the cluster's cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chart.place import CHART
from cluster import programs
from cluster.commands import CommandFailed, run
from cluster.place import SOURCES, Place
from cluster.programs import ALL, Programs, version_of
from cluster.watching import Document

RELEASE = "voicemedia"
NAMESPACE = "voice-system"
KNOWS_THE_RESOURCE = "voicemedia.dev/v1alpha1/VoiceMediaServer"


class Refused(Exception):
    """Helm renders nothing; the message is what it says to the user."""


@dataclass(frozen=True, slots=True)
class Helm:
    """`kubernetes` is the version that templates are told of: this Helm knows none by itself."""

    program: Path
    kubernetes: str

    def lint(self, *options: str) -> str:
        """What it says where it has no objections. Raises `Refused`."""
        return self._said("lint", str(CHART), "--strict", *options)

    def text(self, *options: str, namespace: str = NAMESPACE) -> str:
        """The manifests, as they are written. Raises `Refused`."""
        words = ("template", RELEASE, str(CHART), "--namespace", namespace)
        return self._said(*words, "--kube-version", self.kubernetes, *options)

    def objects(self, *options: str, namespace: str = NAMESPACE) -> list[Document]:
        """The manifests, read. Raises `Refused`."""
        found = yaml.safe_load_all(self.text(*options, namespace=namespace))
        return [document for document in found if document is not None]

    def on(self, kubeconfig: Path, *words: str) -> str:
        """What it says of a cluster. Raises `Refused`."""
        return self._said("--kubeconfig", str(kubeconfig), *words)

    def _said(self, *words: str) -> str:
        try:
            return run(self.program, *words)
        except CommandFailed as failed:
            raise Refused(str(failed)) from failed


def helm_of(built: Programs) -> Helm:
    """The one of the cluster's programs, told of the cluster's Kubernetes."""
    (source,) = [each for each in ALL if each.folder == "kubernetes"]
    mod_file = (SOURCES / source.folder / "go.mod").read_text(encoding="utf-8")
    return Helm(built["helm"], version_of(source, mod_file))


def find_helm() -> Helm:
    """Built, if this machine has none yet. Raises `CommandFailed`."""
    return helm_of(programs.build(Place().cache, print))


def only(objects: list[Document], kind: str, name: str = "") -> Document:
    """The one of this kind (and name)."""
    (found,) = of_kind(objects, kind, name)
    return found


def of_kind(objects: list[Document], kind: str, name: str = "") -> list[Document]:
    """Those of this kind (and name)."""
    return [
        each
        for each in objects
        if each["kind"] == kind and (not name or each["metadata"]["name"] == name)
    ]


def pod_specs(objects: list[Document]) -> list[Any]:
    """Of all pods that come of the objects."""
    specs = [each["spec"] for each in of_kind(objects, "Pod")]
    return specs + [each["spec"]["template"]["spec"] for each in of_kind(objects, "Deployment")]
