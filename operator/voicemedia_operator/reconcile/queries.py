"""What Prometheus answered to the queries of an analysis, beside what the pods report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from voicemedia_operator.spec.rollout import Query
from voicemedia_rollout.document import Rollout
from voicemedia_rollout.guard import AUTHOR, MAX_REASON_CHARS, Check, Progress, Verdict

FAILED = (Verdict.FAILING, Verdict.ROLLBACK)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Queries whose values are out of their bounds, and those without an answer."""

    violated: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def judge(queries: Sequence[Query], answers: Mapping[str, float]) -> Judgement:
    """No answer, and an answer that is no number, count as no data and never as good."""
    known = {name: value for name, value in answers.items() if value == value}
    return Judgement(
        tuple(_violations(queries, known)),
        tuple(f"query {each.name} has no answer" for each in queries if each.name not in known),
    )


def _violations(queries: Sequence[Query], answers: Mapping[str, float]) -> Iterator[str]:
    for query in queries:
        value = answers.get(query.name)
        if value is None:
            continue
        if query.minimum is not None and value < query.minimum:
            yield f"query {query.name} is {value:g}, the minimum is {query.minimum:g}"
        if query.maximum is not None and value > query.maximum:
            yield f"query {query.name} is {value:g}, the maximum is {query.maximum:g}"


def with_judgement(
    found: Check, judged: Judgement, rollout: Rollout, before: Progress, now_unix_s: int
) -> Check:
    """What the guard's table found, with the same table's lines for the queries: one out of its
    bounds fails the check, one without an answer never widens the share."""
    if found.verdict is Verdict.IDLE or found.verdict in FAILED:
        return found
    if judged.violated:
        return _failed("; ".join(judged.violated), rollout, before, now_unix_s)
    if judged.missing:
        kept = before if before.revision == rollout.revision else Progress(rollout.revision)
        return Check(Verdict.PAUSED, "; ".join(judged.missing), kept)
    return found


def _failed(reason: str, rollout: Rollout, before: Progress, now_unix_s: int) -> Check:
    limit = rollout.analysis.failure_limit
    earlier = before.failed_checks if before.revision == rollout.revision else 0
    progress = Progress(rollout.revision, min(earlier + 1, limit))
    if progress.failed_checks < limit:
        return Check(Verdict.FAILING, reason, progress)
    told = (
        f"rolled back from {rollout.weight_percent:g} % after {limit} failed checks in a row: "
        f"{reason}"
    )[:MAX_REASON_CHARS]
    back = rollout.changed(by=AUTHOR, reason=told, now_unix_s=now_unix_s, weight_percent=0.0)
    return Check(Verdict.ROLLBACK, told, progress, back)
