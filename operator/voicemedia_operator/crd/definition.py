"""The CustomResourceDefinition of VoiceMediaServer: names, columns, subresources, schema."""

from __future__ import annotations

from typing import Any

import yaml

from voicemedia_operator.crd.schema import structural
from voicemedia_operator.spec.status import Status
from voicemedia_operator.spec.voice_media_server import (
    GROUP,
    KIND,
    NAME_RULE,
    PLURAL,
    SHORT_NAME,
    SINGULAR,
    VERSION,
    Spec,
)

HEADING = "# Made from the models by `python -m voicemedia_operator.crd`; a test compares.\n"
SUMMARY = (
    "A fleet of voice media servers: pods that answer WHIP and WebSocket v2, the share of clients "
    "that each transport gets, and how pods come and go without a lost call."
)

COLUMNS = (
    ("Ready", "integer", ".status.readyReplicas", "Pods that take sessions.", 0),
    ("Sessions", "integer", ".status.sessions.total", "Live sessions.", 0),
    ("WebRTC %", "integer", ".status.rollout.weight", "Share of clients that get WebRTC.", 0),
    ("Phase", "string", ".status.phase", "The resource in one word.", 0),
    ("Age", "date", ".metadata.creationTimestamp", "Since when it is there.", 0),
    ("Wanted", "integer", ".spec.replicas", "Pods that are asked for.", 1),
    ("Draining", "integer", ".status.drainingReplicas", "Pods that drain.", 1),
    ("Exposure", "string", ".spec.media.exposure.mode", "How media reaches the pods.", 1),
    ("Image", "string", ".spec.image", "Image of the media server.", 1),
)
"""What `kubectl get` shows: heading, type, path, description, and 1 for `-o wide` only."""


def definition() -> dict[str, Any]:
    """The whole object."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": SINGULAR,
                "shortNames": [SHORT_NAME],
                "categories": ["all"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [_column(*column) for column in COLUMNS],
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "schema": {"openAPIV3Schema": whole_schema()},
                }
            ],
        },
    }


def whole_schema() -> dict[str, Any]:
    """The structural schema of a resource."""
    return {
        "description": SUMMARY,
        "type": "object",
        "required": ["spec"],
        "x-kubernetes-validations": [
            {"rule": NAME_RULE.expression, "message": NAME_RULE.message},
        ],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(Spec, has_defaults=True),
            "status": structural(Status, has_defaults=False),
        },
    }


def _column(name: str, kind: str, path: str, description: str, priority: int) -> dict[str, Any]:
    column = {"name": name, "type": kind, "jsonPath": path, "description": description}
    return {**column, "priority": priority} if priority else column


class _Plain(yaml.SafeDumper):
    """Without anchors: what is equal is written again."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def render_definition() -> str:
    """crds/voicemedia.dev_voicemediaservers.yaml."""
    text: str = yaml.dump(
        definition(), Dumper=_Plain, sort_keys=False, width=100, allow_unicode=True
    )
    return HEADING + text
