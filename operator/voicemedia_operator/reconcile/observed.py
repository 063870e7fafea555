"""What was seen: the resource, its pods and what they say of themselves, its objects, its flags.

`reading` makes these of documents. Times are wall-clock seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from pydantic import JsonValue

from voicemedia_operator.spec.status import Status
from voicemedia_operator.spec.voice_media_server import Fault, Spec
from voicemedia_rollout.figures import Report

Document = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """An object of the resource's namespace."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A VoiceMediaServer. `spec` is `None` where it has `faults`; `members` is what was written."""

    name: str
    namespace: str
    uid: str
    generation: int
    members: Document
    spec: Spec | None
    faults: tuple[Fault, ...] = ()
    status: Status = field(default_factory=Status)
    is_deleting: bool = False
    has_finalizer: bool = False


@dataclass(frozen=True, slots=True)
class Instance:
    """What a pod says of itself on its admin port (`GET /instance`)."""

    max_sessions: int
    sessions: int
    webrtc_sessions: int
    websocket_sessions: int
    is_draining: bool
    drain_ends_unix_s: int | None = None
    flags_revision: int = 0
    registry_reachable: bool = True
    report: Report | None = None

    @classmethod
    def decode(cls, members: Mapping[str, object]) -> Self:
        """Raises `ValueError` for what is no such document; members that are new are passed
        over."""
        by_transport, report = members.get("sessions_by_transport"), members.get("report")
        if not isinstance(by_transport, Mapping):
            raise ValueError("sessions_by_transport is no object")
        if report is not None and not isinstance(report, Mapping):
            raise ValueError("report is no object")
        ends = members.get("drain_ends_unix_s")
        return cls(
            max_sessions=_count(members, "max_sessions"),
            sessions=_count(members, "sessions"),
            webrtc_sessions=_count(by_transport, "webrtc"),
            websocket_sessions=_count(by_transport, "websocket"),
            is_draining=_truth(members, "is_draining"),
            drain_ends_unix_s=None if ends is None else _count(members, "drain_ends_unix_s"),
            flags_revision=_count(members, "flags_revision"),
            registry_reachable=_truth(members, "registry_reachable"),
            report=None if report is None else Report.decode(report),
        )


def _truth(members: Mapping[str, object], name: str) -> bool:
    value = members.get(name)
    if not isinstance(value, bool):
        raise ValueError(f"{name} is neither true nor false")
    return value


def _count(members: Mapping[str, object], name: str) -> int:
    """A time may have a fraction, of which nothing is lost that matters."""
    value = members.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 53:
        raise ValueError(f"{name} is no number of at least 0")
    return int(value)


@dataclass(frozen=True, slots=True)
class Pod:
    """A media pod, as the API server has it, with what it says of itself (`instance`, `None` where
    it does not answer).

    `has_ended`: its containers ended and are not started again. `is_running`: its container runs
    now. `ends_unix_s`: it is being deleted, and its grace is over then. `serving_since_unix_s`: it
    was put to work again then; `None` where it was never taken from it. `trouble`: the reason that
    Kubernetes gives for its not running, such as `CrashLoopBackOff`, with `trouble_message`.
    """

    name: str
    uid: str
    revision: str
    created_unix_s: int
    number: int = 0
    attempt: int = 0
    node: str | None = None
    ip: str | None = None
    port: int | None = None
    is_running: bool = False
    is_ready: bool = False
    ready_changed_unix_s: int | None = None
    has_ended: bool = False
    ended_unix_s: int | None = None
    ends_unix_s: int | None = None
    is_serving: bool = True
    serving_since_unix_s: int | None = None
    is_busy: bool = False
    drain_since_unix_s: int | None = None
    drain_cause: str = ""
    trouble: str = ""
    trouble_message: str = ""
    instance: Instance | None = None

    @property
    def is_terminating(self) -> bool:
        """Somebody deleted it; its own drain at SIGTERM runs, and it cannot be taken back."""
        return self.ends_unix_s is not None

    @property
    def is_draining(self) -> bool:
        """It shall take no new sessions."""
        return self.drain_since_unix_s is not None

    @property
    def sessions(self) -> int | None:
        """`None` where it runs and does not say."""
        if self.instance is not None:
            return self.instance.sessions
        return None if self.is_running else 0


@dataclass(frozen=True, slots=True)
class Flags:
    """The fleet's flag document in Redis. `text` is `None` where there is none."""

    is_reachable: bool = True
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Memo:
    """What one plan leaves for the next one of the same process. To lose it is harmless: things
    are waited for anew. `wanted`: how many pods were enough, and when; `checked_unix_s`: when the
    rollout was checked last."""

    wanted: tuple[tuple[int, int], ...] = ()
    checked_unix_s: int = 0


@dataclass(frozen=True, slots=True)
class Observed:
    """All that was seen at one moment, but for the resource. Pods were asked for their `instance`
    after the last drain or undrain that was sent: an older word could be about another drain.

    `objects`: those that the operator owns for the resource, pods left out. `secrets`: for each
    Secret that spec names or the operator makes, its keys; one that is not there is left out.
    `flags`: `None` without a registry. `kinds`: optional kinds that the API server knows, such as
    `PodMonitor`. `nodes`: names of the nodes that are there; `None` where we may not know.
    `answers`: of the queries of the rollout's analysis, by name; without an answer left out.
    `refusal`: what the API server said when it refused a pod last, such as by a quota or a Pod
    Security Standard; empty where the last one was taken.
    """

    pods: tuple[Pod, ...] = ()
    objects: Mapping[ObjectKey, Document] = field(default_factory=dict)
    secrets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    flags: Flags | None = None
    kinds: frozenset[str] = frozenset()
    nodes: frozenset[str] | None = None
    answers: Mapping[str, float] = field(default_factory=dict)
    refusal: str = ""
    memo: Memo = field(default_factory=Memo)
