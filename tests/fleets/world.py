"""A small cluster without a cluster: pods start, take sessions, end them, die, in any order.

It does what the API server, the kubelet and the operator's shell do with a plan, and keeps what a
test wants to know of it: which sessions were cut by whom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fleets.resources import NOW, resource_document
from voicemedia_operator.reconcile.actions import (
    Action,
    AddFinalizer,
    Apply,
    CreatePod,
    Delete,
    DeletePod,
    Drain,
    MakeSecret,
    Mark,
    Plan,
    PublishFlags,
    PutFlags,
    RemoveFinalizer,
    Undrain,
)
from voicemedia_operator.reconcile.names import FINALIZER, TRUE, Label
from voicemedia_operator.reconcile.objects.manifest import key_of
from voicemedia_operator.reconcile.observed import (
    Document,
    Flags,
    Instance,
    Memo,
    ObjectKey,
    Observed,
    Pod,
    Resource,
)
from voicemedia_operator.reconcile.plan import plan
from voicemedia_operator.reconcile.reading import read_pod, read_resource
from voicemedia_operator.spec.status import Status
from voicemedia_rollout.document import read_document
from voicemedia_rollout.figures import Report


def written(unix_s: int) -> str:
    """A time as Kubernetes writes it."""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class WorldPod:
    """A pod and the server in it."""

    manifest: dict[str, Any]
    uid: str
    created_unix_s: int
    is_running: bool = False
    is_ready_since: int | None = None
    has_failed_since: int | None = None
    terminating_until: int | None = None
    waiting: str = ""
    sessions: int = 0
    is_draining: bool = False
    unready_since: int | None = None
    drain_ends_unix_s: int | None = None
    flags_revision: int = 0
    report: Report | None = None
    answers: bool = True

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.manifest["metadata"]["labels"]
        return labels

    @property
    def is_alive(self) -> bool:
        return self.terminating_until is None and self.has_failed_since is None

    @property
    def takes_sessions(self) -> bool:
        """It is an endpoint of the Service, and its server admits."""
        is_endpoint = self.is_ready and self.labels.get(Label.SERVING) == TRUE
        return self.is_alive and is_endpoint and not self.is_draining

    @property
    def is_ready(self) -> bool:
        """As its probe found it last: never while it drains, and after that once it was asked."""
        is_up = self.is_running and self.is_ready_since is not None
        return is_up and self.unready_since is None and not self.is_draining

    @property
    def is_to_be_probed(self) -> bool:
        """It takes sessions again, and its probe does not know yet."""
        return self.is_running and self.unready_since is not None and not self.is_draining

    def document(self) -> dict[str, Any]:
        """As the API server has it."""
        since = self.is_ready_since if self.is_ready else self.unready_since or self.created_unix_s
        ready = {
            "type": "Ready",
            "status": "True" if self.is_ready else "False",
            "lastTransitionTime": written(since or 0),
        }
        ended = self.has_failed_since
        state: dict[str, Any] = {"running": {}} if self.is_running else {}
        if self.waiting:
            state = {"waiting": {"reason": self.waiting}}
        if ended is not None:
            state = {"terminated": {"finishedAt": written(ended), "exitCode": 1}}
        metadata = {
            **self.manifest["metadata"],
            "uid": self.uid,
            "creationTimestamp": written(self.created_unix_s),
        }
        if self.terminating_until is not None:
            metadata["deletionTimestamp"] = written(self.terminating_until)
        return {
            "metadata": metadata,
            "spec": {"nodeName": "node-1"},
            "status": {
                "phase": "Failed" if ended is not None else "Running",
                "podIP": "10.0.0.1",
                "conditions": [ready],
                "containerStatuses": [{"name": "media", "state": state}],
            },
        }

    def instance(self) -> Instance | None:
        """What it says of itself."""
        if not self.is_running or not self.answers or self.terminating_until is not None:
            return None
        return Instance.decode(
            {
                "max_sessions": 10,
                "sessions": self.sessions,
                "sessions_by_transport": {"webrtc": self.sessions, "websocket": 0},
                "is_draining": self.is_draining,
                "drain_ends_unix_s": self.drain_ends_unix_s,
                "flags_revision": self.flags_revision,
                "registry_reachable": True,
                "report": self.report.encode() if self.report else None,
            }
        )


@dataclass(slots=True)
class World:
    """One resource and all that is around it. `cut` counts sessions that a deletion of ours cut,
    each with how long its pod had been draining, in seconds."""

    spec: dict[str, Any] = field(default_factory=lambda: {"image": "media:1"})
    now: int = NOW
    pods: dict[str, WorldPod] = field(default_factory=dict)
    objects: dict[ObjectKey, Document] = field(default_factory=dict)
    secrets: dict[str, frozenset[str]] = field(default_factory=dict)
    flags: Flags | None = None
    kinds: frozenset[str] = frozenset()
    nodes: frozenset[str] | None = None
    balancer: str = ""
    status: Status = field(default_factory=Status)
    memo: Memo = field(default_factory=Memo)
    generation: int = 1
    is_deleting: bool = False
    has_finalizer: bool = False
    cut: list[tuple[str, int, int]] = field(default_factory=list)
    made: int = 0

    @property
    def is_gone(self) -> bool:
        return self.is_deleting and not self.has_finalizer

    def change(self, **members: Any) -> None:
        """`kubectl patch` of the spec."""
        self.spec = {**self.spec, **members}
        self.generation += 1

    def resource(self) -> Resource:
        document = resource_document(self.spec)
        document["metadata"]["generation"] = self.generation
        document["metadata"]["finalizers"] = [FINALIZER] if self.has_finalizer else []
        if self.is_deleting:
            document["metadata"]["deletionTimestamp"] = written(self.now)
        document["status"] = self.status.model_dump(mode="json", by_alias=True, exclude_none=True)
        return read_resource(document)

    def observed(self) -> Observed:
        seen = tuple(read_pod(each.document(), each.instance()) for each in self.pods.values())
        return Observed(
            pods=seen,
            objects={key: self._balanced(seen) for key, seen in self.objects.items()},
            secrets=dict(self.secrets),
            flags=self.flags,
            kinds=self.kinds,
            nodes=self.nodes,
            memo=self.memo,
        )

    def seen(self, name: str) -> Pod:
        """One pod, as the operator sees it."""
        return read_pod(self.pods[name].document(), self.pods[name].instance())

    def plan(self) -> Plan:
        return plan(self.resource(), self.observed(), self.now)

    def step(self, is_lost: Callable[[Action], bool] = lambda action: False) -> Plan:
        """One plan, and what of it is not lost."""
        planned = self.plan()
        for action in planned.actions:
            if not is_lost(action):
                self.carry_out(action)
        self.status, self.memo = planned.status, planned.memo
        return planned

    def settle(self, *, seconds: int = 0, rounds: int = 60) -> None:
        """Plans until nothing is to be done, with pods that start in between. Fails if that never
        comes."""
        for _ in range(rounds):
            self.run_pods()
            if not self.step().actions and not any(map(self._is_awaited, self.pods.values())):
                return
            self.now += seconds
        raise AssertionError(f"never settled: {self.plan().actions}")

    def _may_start(self, each: WorldPod) -> bool:
        is_up = each.is_running and each.is_ready_since is not None
        return each.is_alive and not each.waiting and not is_up

    def _is_awaited(self, each: WorldPod) -> bool:
        return self._may_start(each) or (each.is_alive and each.is_to_be_probed)

    def run_pods(self) -> None:
        """What kubelets do: start pods, probe them, let deleted ones go."""
        for each in list(self.pods.values()):
            self.probe(each)
            if self._may_start(each):
                self.start(each)
            if each.terminating_until is not None:
                del self.pods[each.name]

    def start(self, each: WorldPod) -> None:
        each.is_running = True
        each.is_ready_since, each.unready_since = self.now, None

    def probe(self, each: WorldPod) -> None:
        """Asks a pod that is up whether it takes sessions again."""
        if each.is_to_be_probed and each.is_ready_since is not None:
            each.is_ready_since, each.unready_since = self.now, None

    def carry_out(self, action: Action) -> None:
        """As the shell does, which passes over what is no longer there."""
        match action:
            case Apply(manifest):
                self.objects[key_of(manifest)] = self._stored(manifest)
            case Delete(key, uid):
                seen: Any = self.objects.get(key)
                if seen is not None and seen["metadata"]["uid"] == uid:
                    del self.objects[key]
            case MakeSecret(manifest, random_bytes):
                self.secrets.setdefault(key_of(manifest).name, frozenset(random_bytes))
            case AddFinalizer():
                self.has_finalizer = True
            case RemoveFinalizer():
                self.has_finalizer = False
            case PublishFlags(_, document):
                self.flags = Flags(text=document)
            case CreatePod(manifest):
                self._create(manifest)
            case _:
                each = self.pods.get(action.name)
                if each is not None and each.uid == action.uid:
                    self._tell(each, action)

    def _stored(self, manifest: Document) -> Document:
        """With an identity of its own, which it keeps, and what Kubernetes gives to Services."""
        before: Any = self.objects.get(key_of(manifest), {})
        self.made += 1
        uid = before.get("metadata", {}).get("uid", f"uid-{self.made}")
        metadata: Any = manifest["metadata"]
        return self._given({**manifest, "metadata": {**metadata, "uid": uid}})

    def _given(self, stored: dict[str, Any]) -> Document:
        spec = stored.get("spec") or {}
        if spec.get("type") == "NodePort":
            number = 30000 + sum(key.kind == "Service" for key in self.objects)
            ports = [{**each, "nodePort": number} for each in spec["ports"]]
            return {**stored, "spec": {**spec, "ports": ports}}
        return stored

    def _balanced(self, seen: Document) -> Document:
        spec: Any = seen.get("spec") or {}
        if spec.get("type") == "LoadBalancer" and self.balancer:
            return {**seen, "status": {"loadBalancer": {"ingress": [{"ip": self.balancer}]}}}
        return seen

    def _create(self, manifest: Mapping[str, Any]) -> None:
        name = manifest["metadata"]["name"]
        if name in self.pods:
            return
        self.made += 1
        copied = {**manifest, "metadata": _copied(manifest["metadata"])}
        self.pods[name] = WorldPod(copied, f"uid-{self.made}", self.now)

    def _tell(self, each: WorldPod, action: Action) -> None:
        match action:
            case Mark(_, _, labels, annotations):
                _merge(each.labels, labels)
                _merge(each.manifest["metadata"]["annotations"], annotations)
            case Drain(_, _, limit_s, notice_s) if each.is_running:
                each.is_draining = True
                each.unready_since = each.unready_since or self.now
                if limit_s is not None:
                    each.drain_ends_unix_s = self.now + limit_s + (notice_s or 0)
            case Undrain() if each.is_running:
                each.is_draining, each.drain_ends_unix_s = False, None
            case PutFlags(_, _, document) if each.is_running:
                each.flags_revision = max(each.flags_revision, read_document(document).revision)
            case DeletePod():
                self._delete(each)
            case _:
                pass

    def _delete(self, each: WorldPod) -> None:
        since = self.seen(each.name).drain_since_unix_s
        if each.sessions:
            drained_s = -1 if since is None else self.now - since
            self.cut.append((each.name, each.sessions, drained_s))
        each.terminating_until, each.sessions = self.now, 0


def _copied(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **metadata,
        "labels": dict(metadata["labels"]),
        "annotations": dict(metadata["annotations"]),
    }


def _merge(entries: dict[str, str], changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            entries.pop(name, None)
        else:
            entries[name] = value
