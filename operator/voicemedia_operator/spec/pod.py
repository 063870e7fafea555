"""`spec.pod`, `spec.registry`, `spec.telemetry`: what a pod is given, and what it connects to."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field, JsonValue

from voicemedia_operator.spec.parts import (
    DAY_S,
    FREE_FORM,
    NO_ENTRIES,
    Annotations,
    Labels,
    LabelValue,
    ObjectName,
    Part,
    SecretKeyRef,
    rule,
)

Quantity = Annotated[
    str, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?([numkMGTPE]|[KMGTPE]i|e[0-9]+)?$")
]
Quantities = Annotated[Mapping[str, Quantity], Field(max_length=16)]
FreeForm = Annotated[Mapping[str, JsonValue], Field(json_schema_extra=FREE_FORM)]

DEFAULT_REQUESTS: Quantities = {"cpu": "500m", "memory": "256Mi"}
DEFAULT_LIMITS: Quantities = {"memory": "1Gi"}


class PullPolicy(StrEnum):
    """When a node fetches the image."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class Resources(Part):
    """CPU and memory of a media pod."""

    requests: Quantities = DEFAULT_REQUESTS
    """What a pod is sure to have, as text. Default cpu 500m and memory 256Mi."""
    limits: Quantities = DEFAULT_LIMITS
    """What a pod may have at most, as text. Default memory 1Gi and no limit of CPU, since a
    throttled pod delays every packet."""


class TolerationOperator(StrEnum):
    """How a toleration matches taints."""

    EXISTS = "Exists"
    EQUAL = "Equal"


class TaintEffect(StrEnum):
    """What a taint does to pods that do not bear it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(Part):
    """A taint of nodes that pods bear, as in a pod."""

    key: Annotated[str, Field(max_length=317)] = ""
    """The taint's key; empty with operator Exists for all. Default empty."""
    operator: TolerationOperator = TolerationOperator.EQUAL
    """Exists: any value. Equal: this value. Default Equal."""
    value: LabelValue = ""
    """The taint's value, with operator Equal. Default empty."""
    effect: TaintEffect | None = None
    """NoSchedule, PreferNoSchedule or NoExecute. Unset: all."""
    toleration_s: Annotated[int, Field(ge=0, le=30 * DAY_S)] | None = None
    """With NoExecute: seconds after which the pod is evicted. Unset: never."""


class Pod(Part):
    """What each media pod is given. Its security context is not for choosing: it is always that of
    the restricted Pod Security Standard, with a read-only root file system."""

    labels: Labels = NO_ENTRIES
    """Further labels of the pods. Those of the operator go before them. Default none."""
    annotations: Annotations = NO_ENTRIES
    """Further annotations of the pods. Default none."""
    resources: Resources = Resources()
    """CPU and memory of each pod."""
    node_selector: Labels = NO_ENTRIES
    """Labels that a node must have. Default none."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=32)] = ()
    """Taints of nodes that pods bear. Default none."""
    affinity: FreeForm | None = None
    """Affinity of the pods, as in a pod. Unset: none; HostNetwork keeps pods on nodes of their own
    in any case."""
    topology_spread_constraints: Annotated[tuple[FreeForm, ...], Field(max_length=8)] = ()
    """How pods are spread, as in a pod. Default none: the scheduler's own."""
    priority_class_name: ObjectName | None = None
    """PriorityClass of the pods. Unset: the cluster's default."""
    service_account_name: ObjectName | None = None
    """ServiceAccount of the pods; they are given no token in any case. Unset: default."""
    image_pull_policy: PullPolicy = PullPolicy.IF_NOT_PRESENT
    """When a node fetches the image: Always, IfNotPresent or Never. Default IfNotPresent."""
    image_pull_secrets: Annotated[tuple[ObjectName, ...], Field(max_length=16)] = ()
    """Names of Secrets for the image's registry. Default none."""
    termination_grace_period_s: Annotated[int, Field(ge=1, le=8 * DAY_S)] | None = None
    """Seconds that Kubernetes leaves a pod that somebody else deletes, as kubectl drain does. Not
    less than drain.timeoutSeconds and drain.noticeSeconds together. Unset: those and 10 more."""


class Registry(Part):
    """The Redis that lists the fleet's sessions and carries changes of the flags."""

    url_secret_ref: SecretKeyRef | None = None
    """Key of a Secret with the URL of Redis: redis://, rediss:// (TLS), redis+sentinel:// or
    redis+cluster://. Unset, each pod lists its own sessions, and changes of the flags reach pods by
    a ConfigMap, in about a minute instead of at once."""
    required: bool = False
    """Whether the resource is Available only while its registry answers. Calls and new sessions go
    on without it in any case. Default false. true needs urlSecretRef."""

    @rule(
        "!self.required || has(self.urlSecretRef)",
        "a registry that is required needs urlSecretRef: where Redis is",
    )
    def is_known_if_required(self) -> bool:
        return not self.required or self.url_secret_ref is not None


class Telemetry(Part):
    """Where traces go, and who scrapes metrics. Every pod serves /metrics in any case."""

    otlp_endpoint: (
        Annotated[str, Field(max_length=2048, pattern=r"^https?://[^\s/]+(/\S*)?$")] | None
    ) = None
    """Collector of OpenTelemetry, such as http://collector.monitoring:4318: the pods'
    OTEL_EXPORTER_OTLP_ENDPOINT. Unset: no traces."""
    trace_sample_ratio: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.1
    """Share of new traces that are kept, 0 to 1: the pods' OTEL_TRACES_SAMPLER_ARG. Default 0.1."""
    monitors: bool = False
    """Whether the operator makes a PodMonitor and a PrometheusRule, where the cluster knows these.
    Default false."""
    monitor_labels: Labels = NO_ENTRIES
    """Labels of both, by which a Prometheus finds them. Default none."""
