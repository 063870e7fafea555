"""Documents of the API server, as what was seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import JsonValue, ValidationError

from voicemedia_operator.reconcile.names import FINALIZER, TRUE, Annotation, Label
from voicemedia_operator.reconcile.observed import Document, Instance, Pod, Resource
from voicemedia_operator.spec.status import Status
from voicemedia_operator.spec.voice_media_server import Fault, Spec, SpecMalformed, parse_spec

CONTAINER = "media"
QUIET = frozenset({"", "ContainerCreating", "PodInitializing", "Completed"})
"""Reasons for not running that are no trouble."""
MOST = 1 << 31
MOST_DIGITS = 10
PORTS = range(1, 1 << 16)
FAR_UNIX_S = 1 << 33
"""Later times are this one: years are added to times, and that must be one, too."""


def read_resource(document: Document) -> Resource:
    """Never fails: a spec with faults has them listed, a status that is none of ours is empty."""
    metadata = _object(document, "metadata")
    members = _object(document, "spec")
    spec: Spec | None = None
    faults: tuple[Fault, ...] = ()
    try:
        spec = parse_spec(members)
    except SpecMalformed as malformed:
        faults = malformed.faults
    return Resource(
        name=str(metadata["name"]),
        namespace=str(metadata["namespace"]),
        uid=str(metadata["uid"]),
        generation=int(metadata.get("generation", 0)),
        members=members,
        spec=spec,
        faults=faults,
        status=_read_status(_object(document, "status")),
        is_deleting="deletionTimestamp" in metadata,
        has_finalizer=FINALIZER in metadata.get("finalizers", ()),
    )


def _read_status(members: Mapping[str, JsonValue]) -> Status:
    try:
        return Status.model_validate_json(json.dumps(dict(members)))
    except ValidationError:
        return Status()


def read_pod(document: Document, instance: Instance | None = None) -> Pod:
    """`instance`: what the pod says of itself, if it answers."""
    metadata = _object(document, "metadata")
    labels, annotations = _object(metadata, "labels"), _object(metadata, "annotations")
    status = _object(document, "status")
    container = _own_container(status)
    state = _object(container, "state")
    # Of a pod that runs without a word of its container nothing is known: it may have calls.
    is_running = "running" in state if container else status.get("phase") == "Running"
    ready: Mapping[str, Any] = _condition(status, "Ready")
    trouble, trouble_message = _trouble(status, container)
    return Pod(
        name=str(metadata["name"]),
        uid=str(metadata["uid"]),
        revision=str(labels.get(Label.REVISION, "")),
        created_unix_s=read_time(metadata.get("creationTimestamp")) or 0,
        number=_number(annotations.get(Annotation.NUMBER), range(MOST)) or 0,
        attempt=_number(annotations.get(Annotation.ATTEMPT), range(MOST)) or 0,
        node=_object(document, "spec").get("nodeName"),
        ip=status.get("podIP"),
        port=_number(annotations.get(Annotation.PORT), PORTS),
        is_running=is_running,
        is_ready=ready.get("status") == "True",
        ready_changed_unix_s=read_time(ready.get("lastTransitionTime")),
        has_ended=status.get("phase") in ("Failed", "Succeeded"),
        ended_unix_s=read_time(_object(state, "terminated").get("finishedAt")),
        ends_unix_s=read_time(metadata.get("deletionTimestamp")),
        is_serving=labels.get(Label.SERVING) == TRUE,
        serving_since_unix_s=read_time(annotations.get(Annotation.SERVING_SINCE)),
        is_busy=labels.get(Label.BUSY) == TRUE,
        drain_since_unix_s=read_time(annotations.get(Annotation.DRAIN_SINCE)),
        drain_cause=str(annotations.get(Annotation.DRAIN_CAUSE, "")),
        trouble=trouble,
        trouble_message=trouble_message,
        instance=instance,
    )


def _own_container(status: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of the media server; others that were put beside it do not count."""
    for each in status.get("containerStatuses") or ():
        if each.get("name") == CONTAINER:
            return dict(each)
    return {}


def _trouble(status: Mapping[str, Any], container: Mapping[str, Any]) -> tuple[str, str]:
    """Why it does not run, as Kubernetes says it: of the pod, of its place, of its container."""
    if status.get("reason"):
        return str(status["reason"]), str(status.get("message", ""))
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        return str(scheduled.get("reason", "")), str(scheduled.get("message", ""))
    state, last = _object(container, "state"), _object(container, "lastState")
    waiting, ended = _object(state, "waiting"), _object(state, "terminated")
    reason = str(waiting.get("reason") or ended.get("reason") or "")
    if reason in QUIET:
        return "", ""
    before = _object(last, "terminated") or ended
    message = str(before.get("message") or waiting.get("message") or "")
    code = before.get("exitCode")
    told = f"exit code {code}" if code is not None else ""
    return reason, ": ".join(part for part in (told, message.strip()) if part)


def _condition(status: Mapping[str, Any], kind: str) -> dict[str, Any]:
    for each in status.get("conditions") or ():
        if each.get("type") == kind:
            return dict(each)
    return {}


def _object(document: Mapping[str, Any], member: str) -> dict[str, Any]:
    """Empty where it is not there."""
    return dict(document.get(member) or {})


def _number(text: Any, among: range) -> int | None:
    """People can write annotations: what is no number, or none of these, is none."""
    if not isinstance(text, str) or not text.isdecimal() or len(text) > MOST_DIGITS:
        return None
    return int(text) if int(text) in among else None


def read_time(text: Any) -> int | None:
    """Wall-clock seconds of a time in RFC 3339, from 1970 to 2242; `None` for what is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return min(max(int(moment.timestamp()), 0), FAR_UNIX_S) if moment.tzinfo else None
