"""ConfigMaps: the last spec without faults, and the flag document."""

from __future__ import annotations

import json

from voicemedia_operator.reconcile.names import (
    Annotation,
    accepted_config_map,
    flags_config_map,
)
from voicemedia_operator.reconcile.objects.manifest import Manifest, owned
from voicemedia_operator.reconcile.objects.settings import FLAGS_KEY
from voicemedia_operator.reconcile.observed import Document, Resource
from voicemedia_operator.spec.voice_media_server import Spec, SpecMalformed, parse_spec

SPEC_KEY = "spec.json"


def accepted(resource: Resource) -> Manifest:
    """The spec as it was written, for the day when a later one has faults."""
    text = json.dumps(dict(resource.members), sort_keys=True)
    return owned(resource, "ConfigMap", accepted_config_map(resource.name), data={SPEC_KEY: text})


def read_accepted(seen: Document | None) -> Spec | None:
    """`None` where there is none, or where it says nothing to this operator."""
    text = _entry(seen, SPEC_KEY)
    try:
        return None if text is None else parse_spec(json.loads(text))
    except (SpecMalformed, ValueError, TypeError):
        return None


def flags(resource: Resource, document: str, rollout_hash: str) -> Manifest:
    """The flag document, with the `spec.rollout` that it stands for."""
    return owned(
        resource,
        "ConfigMap",
        flags_config_map(resource.name),
        annotations={Annotation.ROLLOUT.value: rollout_hash},
        data={FLAGS_KEY: document},
    )


def read_flags(seen: Document | None) -> str | None:
    """The flag document's text."""
    return _entry(seen, FLAGS_KEY)


def _entry(seen: Document | None, key: str) -> str | None:
    entries = (seen or {}).get("data")
    text = entries.get(key) if isinstance(entries, dict) else None
    return text if isinstance(text, str) else None
