"""What the load generator says at its end: its JSON document as frozen figures. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Json: TypeAlias = Mapping[str, "Json"] | list["Json"] | str | float | bool | None


class ReportUnreadable(Exception):
    """The document is not what this bench knows; the two come from one build."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A distribution, in milliseconds."""

    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class SetUps:
    """How sessions came about."""

    connected: int
    failed: int
    failed_by_reason: dict[str, int]
    lost: int
    delayed_by_retry_after: int
    not_ended: int
    per_s: float
    answer: Quantiles
    connect: Quantiles


@dataclass(frozen=True, slots=True)
class Media:
    """What became of the packets of the measurement."""

    measured_s: float
    sent: int
    received: int
    loss_percent: float
    latency: Quantiles
    jitter: Quantiles
    reordered: int
    duplicates: int
    altered: int
    renumbered: int
    retimed: int
    unopened: int
    rtcp_received: int


@dataclass(frozen=True, slots=True)
class Generator:
    """How the generator itself fared."""

    cpu_percent: float
    late_p99_ms: float
    late_max_ms: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """One run of the generator."""

    set_ups: SetUps
    media: Media
    generator: Generator


def read_report(text: str) -> Report:
    """Raises `ReportUnreadable`."""
    try:
        document = json.loads(text)
        return Report(
            set_ups=_set_ups(document["set_ups"]),
            media=_media(document["media"]),
            generator=_generator(document["generator"]),
        )
    except (KeyError, TypeError, ValueError) as failure:
        raise ReportUnreadable(f"the generator's report lacks or garbles {failure}") from failure


def _set_ups(part: Mapping[str, Json]) -> SetUps:
    reasons = part["failed_by_reason"]
    if not isinstance(reasons, Mapping):
        raise TypeError("failed_by_reason")
    return SetUps(
        connected=_integer(part, "connected"),
        failed=_integer(part, "failed"),
        failed_by_reason={name: _integer(reasons, name) for name in reasons},
        lost=_integer(part, "lost"),
        delayed_by_retry_after=_integer(part, "delayed_by_retry_after"),
        not_ended=_integer(part, "not_ended"),
        per_s=_number(part, "per_s"),
        answer=_quantiles(part, "answer_ms"),
        connect=_quantiles(part, "connected_ms"),
    )


def _media(part: Mapping[str, Json]) -> Media:
    return Media(
        measured_s=_number(part, "measured_s"),
        sent=_integer(part, "sent"),
        received=_integer(part, "received"),
        loss_percent=_number(part, "loss_percent"),
        latency=_quantiles(part, "latency_ms"),
        jitter=_quantiles(part, "jitter_ms"),
        reordered=_integer(part, "reordered"),
        duplicates=_integer(part, "duplicates"),
        altered=_integer(part, "altered"),
        renumbered=_integer(part, "renumbered"),
        retimed=_integer(part, "retimed"),
        unopened=_integer(part, "unopened"),
        rtcp_received=_integer(part, "rtcp_received"),
    )


def _generator(part: Mapping[str, Json]) -> Generator:
    late, warnings = _quantiles(part, "late_ms"), part["warnings"]
    if not isinstance(warnings, list):
        raise TypeError("warnings")
    return Generator(
        cpu_percent=_number(part, "cpu_percent"),
        late_p99_ms=late.p99_ms,
        late_max_ms=late.max_ms,
        warnings=tuple(str(warning) for warning in warnings),
    )


def _quantiles(part: Mapping[str, Json], name: str) -> Quantiles:
    quantiles = part[name]
    if not isinstance(quantiles, Mapping):
        raise TypeError(name)
    return Quantiles(
        p50_ms=_number(quantiles, "p50"),
        p99_ms=_number(quantiles, "p99"),
        p999_ms=_number(quantiles, "p999"),
        max_ms=_number(quantiles, "max"),
    )


def _number(part: Mapping[str, Json], name: str) -> float:
    value = part[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(name)
    return float(value)


def _integer(part: Mapping[str, Json], name: str) -> int:
    return int(_number(part, name))
