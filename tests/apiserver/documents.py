"""Kubernetes objects for tests, with good defaults."""

from __future__ import annotations

import base64
from typing import Any

from voicemedia_operator.cluster.kinds import Document
from voicemedia_operator.spec.voice_media_server import API_VERSION, KIND

MANAGED = {"app.kubernetes.io/managed-by": "voicemedia-operator"}


def pod(name: str, resource: str = "voice", **metadata: Any) -> Document:
    """A bare one of a resource."""
    labels = MANAGED | {"voicemedia.dev/resource": resource}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "calls", "labels": labels, **metadata},
        "spec": {"containers": [{"name": "media", "image": "voicemedia-media:1"}]},
    }


def config_map(name: str, **entries: str) -> Document:
    """Of the resource `voice`."""
    labels = MANAGED | {"voicemedia.dev/resource": "voice"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "calls", "labels": labels},
        "data": entries,
    }


def secret(name: str, **entries: str) -> Document:
    """Somebody's, or ours."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "calls"},
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in entries.items()},
    }


def resource(name: str = "voice", **spec: Any) -> Document:
    """A VoiceMediaServer."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": "calls", "generation": 1},
        "spec": {"image": "voicemedia-media:1", **spec},
    }
