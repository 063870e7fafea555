"""By what a variant is judged: thresholds, and how much worse than the other it may be."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

MAX_WINDOW_S = 3600.0

Bound = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class Measure(StrEnum):
    """What variants are compared by; each is a mean over sessions."""

    SETUP_FAILURE = "setup-failure"  # share of set-ups that failed, or came by the other transport
    LOST = "lost"  # share of calls that were connected, and then heard no more
    SETUP_TIME = "setup-time"  # seconds from the answer to connected
    LOSS = "loss"  # share of the speaker's packets that never came
    JITTER = "jitter"  # seconds (RFC 3550)
    ROUND_TRIP = "round-trip"  # seconds
    MOS = "mos"  # estimated, 1 to 4.5; the only one of which less is worse
    DROPS = "drops"  # packets that we dropped, of a session


class Part(BaseModel):
    """A part of the flag document's `rollout`."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid"
    )


class Threshold(Part):
    """`limit` holds whatever the other variant does; `worse_by` is the difference to the other
    variant that is still borne. Either may be `None`. Units are the measure's."""

    measure: Measure
    limit: Bound | None = None
    worse_by: Bound | None = None


DEFAULT_THRESHOLDS = (
    Threshold(measure=Measure.SETUP_FAILURE, limit=0.1, worse_by=0.05),
    Threshold(measure=Measure.LOST, worse_by=0.1),
    Threshold(measure=Measure.MOS, limit=3.6, worse_by=0.5),
)


class Analysis(Part):
    """A check every `interval_s` over the sessions of the last `window_s`; a variant is judged by
    a measure once it counted `min_sessions`; `failure_limit` checks that fail in a row roll back.
    """

    is_on: bool = True
    interval_s: Annotated[float, Field(ge=0.1, le=3600)] = 10.0
    window_s: Annotated[float, Field(ge=1, le=MAX_WINDOW_S)] = 300.0
    min_sessions: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    failure_limit: Annotated[int, Field(ge=1, le=100)] = 3
    thresholds: Annotated[tuple[Threshold, ...], Field(max_length=len(Measure))] = (
        DEFAULT_THRESHOLDS
    )

    @model_validator(mode="after")
    def _each_measure_once(self) -> Analysis:
        measures = [each.measure for each in self.thresholds]
        if len(measures) != len(set(measures)):
            raise ValueError("thresholds names a measure twice")
        return self

    def with_threshold(self, threshold: Threshold) -> tuple[Threshold, ...]:
        """The thresholds, with this one in place of its measure's; without it where it has
        neither bound."""
        others = tuple(t for t in self.thresholds if t.measure is not threshold.measure)
        has_bound = threshold.limit is not None or threshold.worse_by is not None
        return (*others, threshold) if has_bound else others
