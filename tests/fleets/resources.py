"""Resources, pods and what pods say, with good defaults: a test mentions only what matters."""

from __future__ import annotations

from typing import Any

from voicemedia_operator.reconcile.observed import Instance, Pod, Resource
from voicemedia_operator.reconcile.reading import read_resource
from voicemedia_operator.spec.voice_media_server import Spec

NOW = 1_800_000_000
REVISION = "ab12c34d56"
OLD_REVISION = "00000aaaaa"


def resource(**members: Any) -> Resource:
    """The resource `voice`, as it was just applied; `members` are of its spec."""
    return read_resource(resource_document({"image": "media:1", **members}))


def resource_document(spec: dict[str, Any]) -> dict[str, Any]:
    """As the API server has it."""
    metadata = {"name": "voice", "namespace": "calls", "uid": "resource-1", "generation": 1}
    return {"metadata": metadata, "spec": spec}


def spec_of(**members: Any) -> Spec:
    """A spec without faults."""
    spec = resource(**members).spec
    assert spec is not None
    return spec


def instance(sessions: int = 0, **members: Any) -> Instance:
    """A pod's word: all its sessions are by WebRTC."""
    given = {"max_sessions": 500, "is_draining": False, **members}
    return Instance(sessions=sessions, webrtc_sessions=sessions, websocket_sessions=0, **given)


def pod(name: str = "voice-1", sessions: int | None = 0, **members: Any) -> Pod:
    """A pod that takes sessions, or did so until now. `sessions`: as it says; `None` where it does
    not answer."""
    given: dict[str, Any] = {
        "revision": REVISION,
        "created_unix_s": NOW - 3600,
        "is_running": True,
        "is_ready": True,
        "ready_changed_unix_s": NOW - 3600 if members.get("is_ready", True) else NOW,
        "node": "node-1",
        "ip": "10.0.0.1",
        "is_busy": bool(sessions),
        "instance": None if sessions is None else instance(sessions),
        **members,
    }
    return Pod(name, f"uid-{name}", **given)


def starting(name: str = "voice-1", **members: Any) -> Pod:
    """A pod that was just made."""
    given = {"is_running": False, "is_ready": False, "ready_changed_unix_s": None, "ip": None}
    return pod(name, None, created_unix_s=NOW - 5, **given, **members)


def draining(name: str = "voice-1", sessions: int | None = 0, **members: Any) -> Pod:
    """A pod that drains since a minute, and says so."""
    says = None if sessions is None else instance(sessions, is_draining=True)
    given: dict[str, Any] = {
        "is_ready": False,
        "is_serving": False,
        "drain_since_unix_s": NOW - 60,
        "drain_cause": "update",
        "instance": says,
        **members,
    }
    return pod(name, sessions, **given)
