"""Names that the operator gives: labels, annotations, objects of a resource, pods."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum

OPERATOR = "voicemedia-operator"
DOMAIN = "voicemedia.dev"
FINALIZER = f"{DOMAIN}/drain"


class Label(StrEnum):
    """Labels of what the operator makes."""

    NAME = "app.kubernetes.io/name"
    INSTANCE = "app.kubernetes.io/instance"
    MANAGED_BY = "app.kubernetes.io/managed-by"
    COMPONENT = "app.kubernetes.io/component"
    RESOURCE = f"{DOMAIN}/resource"
    REVISION = f"{DOMAIN}/revision"
    POD = f"{DOMAIN}/pod"  # of a pod, its own name: the Service of one pod selects by it
    SERVING = f"{DOMAIN}/serving"  # "true" while a pod shall take new sessions
    BUSY = f"{DOMAIN}/busy"  # "true" while a pod has sessions


class Annotation(StrEnum):
    """Annotations by which the operator remembers, on the object that they are about."""

    DRAIN_SINCE = f"{DOMAIN}/drain-since"  # RFC 3339
    DRAIN_CAUSE = f"{DOMAIN}/drain-cause"
    SERVING_SINCE = f"{DOMAIN}/serving-since"  # RFC 3339: when it was put to work again
    NUMBER = f"{DOMAIN}/number"  # of a pod: rises with each that is made
    ATTEMPT = f"{DOMAIN}/attempt"  # of a pod: how many before it failed in its place
    PORT = f"{DOMAIN}/port"  # of a pod: its port of the node, in mode HostPort
    APPLIED = f"{DOMAIN}/applied"  # hash of the manifest as it was applied
    ROLLOUT = f"{DOMAIN}/rollout"  # of the flags: hash of the spec.rollout that they stand for


TRUE = "true"


def digest(document: object, chars: int = 10) -> str:
    """Stands for a JSON document: the same text for the same members in any order."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:chars]


def pod_name(resource: str, revision: str, number: int) -> str:
    """Two plans of one world give one name, so that a pod is never made twice."""
    return f"{resource}-{revision[:5]}-{digest([resource, revision, number])}"


def fleet_secret(resource: str) -> str:
    """Holds what the pods share (`secret`) and what opens their admin port (`admin-token`)."""
    return f"{resource}-fleet"


def tokens_secret(resource: str) -> str:
    """Holds the callers' token, where nobody gave any."""
    return f"{resource}-tokens"


def flags_config_map(resource: str) -> str:
    """Holds the flag document for pods that start, and while Redis is down."""
    return f"{resource}-flags"


def accepted_config_map(resource: str) -> str:
    """Holds the last spec without faults."""
    return f"{resource}-accepted"
