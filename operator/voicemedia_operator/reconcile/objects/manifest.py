"""What all objects of a resource have in common, and whether one is as it was applied.

An object is in place when it carries the digest of its manifest and still holds all of it: so a
member that we no longer want is noticed as well as one that somebody else changed. What the API
server adds by itself is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from voicemedia_operator.reconcile.names import OPERATOR, Annotation, Label, digest
from voicemedia_operator.reconcile.observed import Document, ObjectKey, Resource
from voicemedia_operator.spec.voice_media_server import API_VERSION, KIND

API_VERSIONS = {
    "ConfigMap": "v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "Ingress": "networking.k8s.io/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Pod": "v1",
    "PodDisruptionBudget": "policy/v1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
    "Secret": "v1",
    "Service": "v1",
}
"""Of each kind that the operator makes."""

Manifest = dict[str, JsonValue]


def labels_of(resource: str) -> dict[str, str]:
    """Labels of every object of a resource."""
    return {
        Label.NAME.value: "voicemedia",
        Label.INSTANCE.value: resource,
        Label.MANAGED_BY.value: OPERATOR,
        Label.COMPONENT.value: "media",
        Label.RESOURCE.value: resource,
    }


def pods_of(resource: str) -> dict[str, str]:
    """Labels that select all pods of a resource, and nothing else in its namespace."""
    return {Label.RESOURCE.value: resource, Label.COMPONENT.value: "media"}


def owned(resource: Resource, kind: str, name: str, **members: Any) -> Manifest:
    """An object that goes with the resource. `labels` and `annotations` among the members come on
    top of those that all have, and never in their place."""
    labels, annotations = members.pop("labels", {}), members.pop("annotations", {})
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": resource.namespace,
        "labels": {**labels, **labels_of(resource.name)},
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "name": resource.name,
                "uid": resource.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": API_VERSIONS[kind], "kind": kind, "metadata": metadata, **members}


def key_of(manifest: Document) -> ObjectKey:
    """Which object it is."""
    metadata = manifest["metadata"]
    assert isinstance(metadata, Mapping), "an object has metadata"
    return ObjectKey(str(manifest["kind"]), str(metadata["name"]))


def stamped(manifest: Manifest) -> Manifest:
    """With its own digest as an annotation."""
    metadata: Any = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), Annotation.APPLIED.value: digest(manifest)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def is_in_place(manifest: Manifest, seen: Document | None) -> bool:
    """Whether nothing is to be applied. `manifest` is stamped."""
    return seen is not None and _holds(seen, manifest)


def _holds(seen: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(seen, Mapping) and all(
            name in seen and _holds(seen[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list | tuple):
        return (
            isinstance(seen, list | tuple)
            and len(seen) == len(wanted)
            and all(map(_holds, seen, wanted))
        )
    return bool(seen == wanted)
