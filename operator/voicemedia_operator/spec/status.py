"""`status` of a VoiceMediaServer: what the operator saw, never what it hopes for."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from voicemedia_operator.spec.capacity import MAX_REPLICAS
from voicemedia_operator.spec.parts import (
    LabelValue,
    ObjectName,
    Part,
    Percent,
    Words,
    each_once,
    list_map,
)
from voicemedia_operator.spec.rollout import MAX_STEPS

MAX_PODS = 2 * MAX_REPLICAS
"""Pods that status lists: those that take sessions, and as many that drain."""

Count = Annotated[int, Field(ge=0)]
Url = Annotated[str, Field(max_length=2048)]
Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.replace(microsecond=0))]
"""Whole seconds, as Kubernetes writes times: what is read back is what was written."""


class Phase(StrEnum):
    """The resource in one word, for `kubectl get`."""

    PENDING = "Pending"
    PROGRESSING = "Progressing"
    READY = "Ready"
    DEGRADED = "Degraded"
    PAUSED = "Paused"
    DELETING = "Deleting"


class PodPhase(StrEnum):
    """A media pod's stay in the fleet."""

    STARTING = "Starting"
    READY = "Ready"
    DRAINING = "Draining"
    DRAINED = "Drained"


class RolloutPhase(StrEnum):
    """Where a rollout stands."""

    IDLE = "Idle"
    WIDENING = "Widening"
    COMPLETED = "Completed"
    PAUSED = "Paused"
    ROLLED_BACK = "RolledBack"
    KILLED = "Killed"


class ConditionType(StrEnum):
    """Questions that status answers with True, False or Unknown."""

    AVAILABLE = "Available"
    PROGRESSING = "Progressing"
    DEGRADED = "Degraded"
    DRAINING = "Draining"
    REGISTRY_REACHABLE = "RegistryReachable"
    ROLLOUT_HEALTHY = "RolloutHealthy"
    PAUSED = "Paused"


class ConditionStatus(StrEnum):
    """An answer."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Part):
    """An answer with its reason, as all of Kubernetes gives them."""

    type: ConditionType
    """The question. Available: the wanted number of pods takes sessions. Progressing: pods are
    being made or replaced. Degraded: something must be mended. Draining: pods wait for their calls
    to end. RegistryReachable: the operator and the pods reach Redis. RolloutHealthy: the analysis
    finds WebRTC good enough. Paused: nothing is changed, by spec.paused."""
    status: ConditionStatus
    """True, False or Unknown."""
    reason: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?$")]
    """Why, in one word."""
    message: Annotated[str, Field(max_length=4096)] = ""
    """Why, and what to mend, for people."""
    observed_generation: Count
    """metadata.generation of the resource that this is about; kubectl wait passes over answers
    about an older one."""
    last_transition_time: Moment
    """Since when status is what it is."""


class PodStatus(Part):
    """One media pod."""

    name: ObjectName
    """The pod's name."""
    phase: PodPhase
    """Starting: takes no sessions yet. Ready: takes sessions. Draining: takes no more, and waits
    for its calls to end. Drained: has none left, and is deleted next."""
    revision: LabelValue
    """The revision that the pod is of."""
    node: ObjectName | None = None
    """The node that it runs on."""
    sessions: Count = 0
    """Sessions that it reports."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Its port of media.exposure.portRange, in mode HostPort."""
    drain_deadline: Moment | None = None
    """When it is deleted with whatever calls it has, in phase Draining."""


class Capacity(Part):
    """Sessions that the fleet can carry, of pods that take new ones."""

    max_sessions: Count = 0
    """All of them."""
    free_sessions: Count = 0
    """Those that are free."""


class Sessions(Part):
    """Live sessions of the fleet, draining pods included."""

    total: Count = 0
    """All of them."""
    webrtc: Count = 0
    """Those by WebRTC."""
    websocket: Count = 0
    """Those by WebSocket."""


class Revisions(Part):
    """Revisions of pods: image, settings and pod template."""

    wanted: LabelValue = ""
    """What the spec asks for: new pods are of it."""
    stable: LabelValue = ""
    """The last one of which all wanted pods were ready."""


class RolloutStatus(Part):
    """The share in force."""

    weight_percent: Annotated[Percent, Field(alias="weight")] = 0
    """Share of clients that are given WebRTC now, in percent; 0 under the kill switch."""
    step: Annotated[int, Field(ge=0, le=MAX_STEPS - 1)] | None = None
    """Index of the step that is held, from 0. Unset: none."""
    phase: RolloutPhase = RolloutPhase.IDLE
    """Idle: nothing to do. Widening: between two steps. Completed: weight is reached. Paused: waits
    for a change of spec.rollout. RolledBack: taken back, until a change of spec.rollout. Killed: by
    the kill switch."""
    failed_checks: Count = 0
    """Failed checks in a row."""
    inconclusive_checks: Count = 0
    """Checks in a row without enough data."""
    revision: Count = 0
    """Revision of the flag document that was written last."""
    spec_hash: LabelValue = ""
    """Stands for the spec.rollout that all this belongs to: a change begins anew."""
    changed_time: Moment | None = None
    """When weight changed last; a step is held from then on."""
    last_rollback_time: Moment | None = None
    """When the share was taken back last."""
    last_rollback_reason: Words = ""
    """Why."""


class Endpoints(Part):
    """Where clients reach the fleet: by its ingress or HTTPRoute, else within the cluster."""

    whip: Url = ""
    """WHIP."""
    whep: Url = ""
    """WHEP, if it is enabled."""
    websocket_v2: Url = ""
    """WebSocket v2."""
    session: Url = ""
    """POST /v2/session, which says which of them a client shall take."""


class Status(Part):
    """What the operator saw."""

    observed_generation: Count = 0
    """metadata.generation of the spec that all this is about."""
    phase: Phase = Phase.PENDING
    """The resource in one word: Pending, Progressing, Ready, Degraded, Paused or Deleting."""
    replicas: Count = 0
    """Pods that are there and do not drain; what the scale subresource shows."""
    ready_replicas: Count = 0
    """Pods that take sessions."""
    updated_replicas: Count = 0
    """Pods of the wanted revision that do not drain."""
    draining_replicas: Count = 0
    """Pods that drain."""
    selector: Annotated[str, Field(max_length=1024)] = ""
    """Selector of the pods as text, for the scale subresource."""
    revisions: Revisions = Revisions()
    """Revisions of pods."""
    capacity: Capacity = Capacity()
    """Sessions that the fleet can carry."""
    sessions: Sessions = Sessions()
    """Live sessions by transport."""
    pods: Annotated[
        tuple[PodStatus, ...],
        Field(max_length=MAX_PODS, json_schema_extra=list_map("name")),
        each_once("name"),
    ] = ()
    """The pods."""
    rollout: RolloutStatus = RolloutStatus()
    """The share in force."""
    endpoints: Endpoints = Endpoints()
    """Where clients reach the fleet."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(max_length=len(ConditionType), json_schema_extra=list_map("type")),
        each_once("type"),
    ] = ()
    """Answers with their reasons; kubectl wait --for=condition=Available waits for one."""
