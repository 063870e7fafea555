"""`spec.rollout`: how many clients get WebRTC, by which steps, and what takes them back.

Overrides and thresholds are written as in the flag document, which the operator makes of this
(voicemedia_rollout), with the values that metrics and logs show.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from voicemedia_operator.spec.parts import DAY_S, Part, Percent, each_once, list_map, rule
from voicemedia_rollout import analysis
from voicemedia_rollout.analysis import Measure
from voicemedia_rollout.document import MAX_OVERRIDES, Subject, Variant

MAX_STEPS = 20

Bound = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Level = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]


class OnFailure(StrEnum):
    """What a failed analysis does to the share."""

    ROLLBACK = "Rollback"
    PAUSE = "Pause"


class Override(Part):
    """A client or tenant that is given a variant whatever the split says."""

    subject: Subject
    """Whom it is for: client (the client_id of POST /v2/session) or tenant. A client's override
    goes before its tenant's."""
    name: Annotated[str, Field(min_length=1, max_length=128)]
    """The client's or tenant's name, 1 to 128 characters."""
    variant: Variant
    """What it is given: webrtc or websocket."""


class Step(Part):
    """A share on the way to the weight."""

    weight_percent: Annotated[int, Field(ge=1, le=100, alias="weight")]
    """Share of clients in percent, 1 to 100; higher than that of the step before."""
    hold_s: Annotated[int, Field(ge=0, le=30 * DAY_S)] = 300
    """Seconds for which the share is held, and all checks must be good, before the next step.
    Default 300."""


class Threshold(Part):
    """When WebRTC is too bad by one measure."""

    measure: Measure
    """What is measured, a mean over sessions: setup-failure (share of set-ups that failed or fell
    back), lost (share of calls that were connected and then heard no more), setup-time (seconds
    from the answer to connected), loss (share of packets), jitter and round-trip (seconds), mos
    (estimated, 1 to 4.5; the only one of which less is worse), drops (packets that the server
    dropped, a session)."""
    limit: Bound | None = None
    """The worst value that is borne whatever the other variant has, in the measure's unit. Unset:
    none."""
    worse_by: Bound | None = None
    """How much worse than WebSocket WebRTC may be, in the measure's unit. Unset: not compared."""

    @rule(
        "has(self.limit) || has(self.worseBy)",
        "a threshold without limit and worseBy never fails: set one of them",
    )
    def can_fail(self) -> bool:
        return self.limit is not None or self.worse_by is not None


class Query(Part):
    """A value that Prometheus is asked for at each check."""

    name: Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    """Name of the query in conditions and events."""
    query: Annotated[str, Field(min_length=1, max_length=4096)]
    """PromQL with one number as its answer. No answer counts as no data, never as good."""
    minimum: Level | None = None
    """Least value that is borne. Unset: none."""
    maximum: Level | None = None
    """Largest value that is borne. Unset: none."""

    @rule(
        "has(self.minimum) || has(self.maximum)",
        "a query without minimum and maximum never fails: set one of them",
    )
    def can_fail(self) -> bool:
        return self.minimum is not None or self.maximum is not None

    @rule(
        "!has(self.minimum) || !has(self.maximum) || self.minimum <= self.maximum",
        "minimum must not be above maximum, else every value fails",
    )
    def can_succeed(self) -> bool:
        return self.minimum is None or self.maximum is None or self.minimum <= self.maximum


DEFAULT_THRESHOLDS = tuple(
    Threshold(measure=each.measure, limit=each.limit, worse_by=each.worse_by)
    for each in analysis.DEFAULT_THRESHOLDS
)


class Analysis(Part):
    """How it is judged whether WebRTC is good enough."""

    enabled: bool = True
    """Whether the share is judged at all. false: steps go on by their time alone, and nothing rolls
    back by itself. Default true."""
    interval_s: Annotated[int, Field(ge=1, le=3600)] = 10
    """Seconds between two checks. Default 10; at most 3600."""
    window_s: Annotated[int, Field(ge=1, le=3600)] = 300
    """A check counts the sessions of the last so many seconds. Default 300; at most 3600."""
    min_sessions: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    """Sessions of a variant below which a measure says nothing. Default 50."""
    failure_limit: Annotated[int, Field(ge=1, le=100)] = 3
    """Failed checks in a row after which onFailure happens. Default 3; 1 for the first."""
    inconclusive_limit: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Checks in a row without enough data after which the rollout is paused until spec.rollout
    changes. Missing data never widens the share in any case. Default 0 for never: it waits."""
    on_failure: OnFailure = OnFailure.ROLLBACK
    """What failed checks do. Rollback: no new session is given WebRTC, until spec.rollout changes.
    Pause: the share stays as it is. Live sessions keep their variant. Default Rollback."""
    thresholds: Annotated[
        tuple[Threshold, ...],
        Field(max_length=len(Measure), json_schema_extra=list_map("measure")),
        each_once("measure"),
    ] = DEFAULT_THRESHOLDS
    """When WebRTC is too bad, from what the pods report of their sessions; one for each measure.
    Default: setup-failure over 10 % or 5 points worse than WebSocket, lost 10 points worse, mos
    under 3.6 or 0.5 worse. A list given here takes the place of all of these."""
    prometheus_url: (
        Annotated[str, Field(max_length=2048, pattern=r"^https?://[^\s/]+(/\S*)?$")] | None
    ) = None
    """Prometheus' address for queries, such as http://prometheus.monitoring:9090. Unset: none."""
    queries: Annotated[
        tuple[Query, ...],
        Field(max_length=16, json_schema_extra=list_map("name")),
        each_once("name"),
    ] = ()
    """Further values to judge by, from Prometheus. Default none. They need prometheusUrl."""

    @rule(
        "size(self.queries) == 0 || has(self.prometheusUrl)",
        "queries need prometheusUrl: where Prometheus is",
    )
    def knows_whom_to_ask(self) -> bool:
        return not self.queries or self.prometheus_url is not None

    @rule(
        "!self.enabled || size(self.thresholds) + size(self.queries) > 0",
        "an analysis without thresholds and queries finds nothing: give some, or set enabled to "
        "false",
    )
    def has_something_to_judge_by(self) -> bool:
        return not self.enabled or bool(self.thresholds or self.queries)


class Rollout(Part):
    """How many clients get WebRTC when they ask POST /v2/session."""

    weight_percent: Annotated[Percent, Field(alias="weight")]
    """Share of clients that shall be given WebRTC, in percent, 0 to 100; the others get WebSocket.
    It is sticky by client: a wider share keeps everybody whom a narrower one had. With steps the
    share is widened to it step by step; narrowing takes effect at once. status.rollout.weight is
    the share in force. A rollout must say its weight; without any rollout it is 100, since nothing
    is being rolled out."""
    kill_switch: bool = False
    """true gives WebSocket to all new sessions at once, overrides included. Live ones go on.
    Default false."""
    overrides: Annotated[
        tuple[Override, ...],
        Field(max_length=MAX_OVERRIDES, json_schema_extra=list_map("subject", "name")),
        each_once("subject", "name"),
    ] = ()
    """Clients and tenants that are exceptions from the split; each only once. Default none."""
    steps: Annotated[tuple[Step, ...], Field(max_length=MAX_STEPS)] = ()
    """Shares on the way to weight, rising; those of weight and above are passed over. Default none:
    weight takes effect at once."""
    analysis: Analysis = Analysis()
    """How it is judged whether WebRTC is good enough to widen the share, or must be taken back."""

    @rule(
        "self.steps.map(s, s.weight).isSorted() && "
        "self.steps.all(s, self.steps.exists_one(t, t.weight == s.weight))",
        "steps must rise: sort them by weight, each weight once",
    )
    def has_rising_steps(self) -> bool:
        weights = [step.weight_percent for step in self.steps]
        return weights == sorted(set(weights))
