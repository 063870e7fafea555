"""Whether a share may stay, must go back to nothing, or may grow: one table for both houses.

Each check gives one verdict; the first line that applies, counts:

| seen | verdict | failed checks | does |
|---|---|---|---|
| nobody is given WebRTC by the split, or the analysis is off | idle | 0 | |
| a measure over its bound, for the `failure_limit`-th time | rollback | kept | weight 0 |
| a measure over its bound | failing | + 1 | |
| no report, or too few sessions for a measure | paused | kept | |
| all within their bounds, and the step was held long enough | widen | 0 | next weight |
| all within their bounds | healthy | 0 | |

So missing data never widens a share, and never makes failed checks forgotten. Only sessions that
were decided on by the split under the revision in force count. Pure: `now` is an argument.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self

from voicemedia_rollout.analysis import Analysis, Measure, Threshold
from voicemedia_rollout.document import Rollout, Variant
from voicemedia_rollout.figures import Report

AUTHOR = "guard"
MORE_IS_BETTER = frozenset({Measure.MOS})
SHARES = frozenset({Measure.SETUP_FAILURE, Measure.LOST, Measure.LOSS})
SECONDS = frozenset({Measure.SETUP_TIME, Measure.JITTER, Measure.ROUND_TRIP})
MAX_REASON_CHARS = 500


class Verdict(StrEnum):
    """What one check found: a label of metrics."""

    IDLE = "idle"
    HEALTHY = "healthy"
    WIDEN = "widen"
    PAUSED = "paused"
    FAILING = "failing"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Progress:
    """What one check leaves for the next, also to another guard: a document."""

    revision: int = 0
    failed_checks: int = 0

    def encode(self) -> str:
        """The document."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> Self:
        """From the beginning where the text is none of ours."""
        try:
            found = json.loads(text)
            return cls(int(found["revision"]), int(found["failed_checks"]))
        except (ValueError, KeyError, TypeError):
            return cls()


@dataclass(frozen=True, slots=True)
class Step:
    """A weight that the share is raised to, and how long it is held before the next."""

    weight_percent: float
    hold_s: float


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict, why, and what follows from it: `rollout` is the revision to write, if any."""

    verdict: Verdict
    reason: str
    progress: Progress
    rollout: Rollout | None = None


def check(
    rollout: Rollout,
    report: Report | None,
    before: Progress,
    now_unix_s: int,
    steps: Sequence[Step] = (),
) -> Check:
    """One look at what is in force. `report` is `None` where it cannot be had; `steps` rise."""
    kept = before if before.revision == rollout.revision else Progress(rollout.revision)
    none = Progress(rollout.revision)
    if not rollout.analysis.is_on or rollout.is_killed or rollout.weight_percent == 0:
        return Check(Verdict.IDLE, "there is nothing to guard", none)
    if report is None or report.revision != rollout.revision:
        return Check(Verdict.PAUSED, f"no report of revision {rollout.revision}", kept)
    violated, missing = _judge(rollout.analysis, report)
    if violated:
        return _failed(rollout, "; ".join(violated), kept, now_unix_s)
    if missing:
        return Check(Verdict.PAUSED, "; ".join(missing), kept)
    following = next((s for s in steps if s.weight_percent > rollout.weight_percent), None)
    held_s = now_unix_s - rollout.changed_unix_s
    if following is None or held_s < _hold_s(rollout.weight_percent, steps):
        return Check(Verdict.HEALTHY, "all measures are within their bounds", none)
    reason = f"{rollout.weight_percent:g} % was healthy for {held_s} s"
    widened = rollout.changed(
        by=AUTHOR, reason=reason, now_unix_s=now_unix_s, weight_percent=following.weight_percent
    )
    return Check(Verdict.WIDEN, reason, none, widened)


def _failed(rollout: Rollout, found: str, before: Progress, now_unix_s: int) -> Check:
    limit = rollout.analysis.failure_limit
    failed_checks = min(before.failed_checks + 1, limit)
    progress = Progress(rollout.revision, failed_checks)
    if failed_checks < limit:
        return Check(Verdict.FAILING, found, progress)
    reason = (
        f"rolled back from {rollout.weight_percent:g} % after {limit} failed checks in a row: "
        f"{found}"
    )[:MAX_REASON_CHARS]
    back = rollout.changed(by=AUTHOR, reason=reason, now_unix_s=now_unix_s, weight_percent=0.0)
    return Check(Verdict.ROLLBACK, reason, progress, back)


def _hold_s(weight_percent: float, steps: Sequence[Step]) -> float:
    """Of the step that the share stands on; a weight between two was held by whoever set it."""
    passed = [step for step in steps if step.weight_percent <= weight_percent]
    return passed[-1].hold_s if passed else 0.0


def _judge(analysis: Analysis, report: Report) -> tuple[list[str], list[str]]:
    """The measures that are over a bound, and those for which there are too few sessions."""
    violated, missing = [], []
    for threshold in analysis.thresholds:
        is_violated, found = _compare(threshold, analysis.min_sessions, report)
        if is_violated:
            violated.append(found)
        elif found:
            missing.append(found)
    return violated, missing


def _compare(threshold: Threshold, min_sessions: int, report: Report) -> tuple[bool, str]:
    """Whether it is violated, with how; else what is missing, or nothing."""
    measure = threshold.measure
    candidate = report.of(Variant.WEBRTC).mean(measure)
    baseline = report.of(Variant.WEBSOCKET).mean(measure)
    if candidate.count < min_sessions:
        return False, f"{measure} of {candidate.count} sessions, {min_sessions} are needed"
    shown = f"{measure} is {_show(measure, candidate.value)} of {candidate.count} sessions"
    sign = -1 if measure in MORE_IS_BETTER else 1
    if threshold.limit is not None and sign * (candidate.value - threshold.limit) > 0:
        return True, f"{shown}, the limit is {_show(measure, threshold.limit)}"
    if threshold.worse_by is None:
        return False, ""
    if baseline.count < min_sessions:
        return False, (
            f"{measure} of {baseline.count} sessions of the other variant, {min_sessions} are "
            "needed"
        )
    if sign * (candidate.value - baseline.value) > threshold.worse_by:
        other = f"the other variant has {_show(measure, baseline.value)} of {baseline.count}"
        return True, f"{shown}, {other}"
    return False, ""


def _show(measure: Measure, value: float) -> str:
    if measure in SHARES:
        return f"{100 * value:.1f} %"
    return f"{value:.3f} s" if measure in SECONDS else f"{value:.2f}"
