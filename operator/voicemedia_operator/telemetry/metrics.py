"""Prometheus metrics of the operator. Labels come from enums, verbs and status codes only."""

from __future__ import annotations

from enum import StrEnum

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector

PREFIX = "voicemedia_operator_"
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class LoopResult(StrEnum):
    """How one look at a resource, or one action, went."""

    DONE = "done"
    FAILED = "failed"


class Metrics:
    """Of one process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._reconciles = Counter(
            PREFIX + "reconciles",
            "Looks at a resource, with what followed from them.",
            ["result"],
            registry=self.registry,
        )
        for result in LoopResult:
            self._reconciles.labels(result)
        self._reconcile_s = Histogram(
            PREFIX + "reconcile_duration_seconds",
            "From the beginning of a look at a resource to its end.",
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._queue_s = Histogram(
            PREFIX + "queue_age_seconds",
            "From the event that gave reason to look at a resource to the look.",
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._actions = Counter(
            PREFIX + "actions",
            "What was done for resources, by kind of action.",
            ["action", "result"],
            registry=self.registry,
        )
        self._api = Counter(
            PREFIX + "api_requests",
            "Requests to the API server by verb, and status code, timeout or unreachable.",
            ["verb", "code"],
            registry=self.registry,
        )
        self._api_s = Histogram(
            PREFIX + "api_request_duration_seconds",
            "From a request to the API server to its answer.",
            ["verb"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._pods = Counter(
            PREFIX + "pod_requests",
            "Requests to media pods' admin ports.",
            ["operation", "result"],
            registry=self.registry,
        )
        self._last_success = Gauge(
            PREFIX + "last_success_timestamp_seconds",
            "When a look at a resource last went well, in Unix time.",
            registry=self.registry,
        )
        self.resources = Gauge(
            PREFIX + "resources", "VoiceMediaServers that are looked after.", registry=self.registry
        )
        self.leader = Gauge(
            PREFIX + "leader",
            "1 if this operator holds the lease and acts, 0 if it stands by.",
            registry=self.registry,
        )

    def reconciled(self, result: LoopResult, duration_s: float, now_unix_s: float) -> None:
        """One look at a resource is over."""
        self._reconciles.labels(result).inc()
        self._reconcile_s.observe(duration_s)
        if result is LoopResult.DONE:
            self._last_success.set(now_unix_s)

    def waited(self, queue_s: float) -> None:
        """A resource was looked at so long after there was reason to."""
        self._queue_s.observe(queue_s)

    def acted(self, action: str, is_done: bool) -> None:
        """`action` is the name of its class."""
        self._actions.labels(action, LoopResult.DONE if is_done else LoopResult.FAILED).inc()

    def api_asked(self, verb: str, code: str, duration_s: float) -> None:
        """A request to the API server is over."""
        self._api.labels(verb, code).inc()
        if verb != "watch":
            self._api_s.labels(verb).observe(duration_s)

    def pod_asked(self, operation: str, result: str) -> None:
        """A request to a pod is over."""
        self._pods.labels(operation, result).inc()

    def render(self, accept: str) -> tuple[bytes, str]:
        """The exposition, and its content type, in the form that was asked for."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type
