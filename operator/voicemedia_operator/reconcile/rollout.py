"""The share in force: what people wish, step by step, and what the guard's table makes of it.

The ConfigMap with the flag document is the memory: its annotation says which `spec.rollout` it
stands for, so that a rollback stays one until people wish something else. Where it is lost or
behind, status tells what was in force. Redis and the pods are given copies. The operator is the
only writer: a newer document by another hand is overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from voicemedia_operator.reconcile.names import OPERATOR, Annotation, digest, flags_config_map
from voicemedia_operator.reconcile.objects.config_maps import read_flags
from voicemedia_operator.reconcile.observed import ObjectKey, Observed, Resource
from voicemedia_operator.reconcile.queries import judge, with_judgement
from voicemedia_operator.reconcile.reading import FAR_UNIX_S
from voicemedia_operator.spec import rollout as wish
from voicemedia_operator.spec.rollout import OnFailure
from voicemedia_operator.spec.status import RolloutPhase, RolloutStatus
from voicemedia_operator.spec.voice_media_server import Spec
from voicemedia_rollout import analysis
from voicemedia_rollout.document import (
    DocumentMalformed,
    Override,
    Rollout,
    read_document,
    write_document,
)
from voicemedia_rollout.figures import Report
from voicemedia_rollout.guard import AUTHOR, MAX_REASON_CHARS, Check, Progress, Step, Verdict, check

MOST_OF_OTHERS = 1 << 52
"""A higher revision by another hand is passed over: it would leave none for ours."""
MOST_OF_OURS = MOST_OF_OTHERS + (1 << 51)


@dataclass(frozen=True, slots=True)
class Share:
    """What is in force from now on. `wish_hash`: the `spec.rollout` that it stands for; `found`:
    the check that was made now, if one was due."""

    rollout: Rollout
    wish_hash: str
    status: RolloutStatus
    checked_unix_s: int
    found: Check | None = None

    @property
    def document(self) -> str:
        """As it is stored and published."""
        return write_document(self.rollout)

    @property
    def is_judged(self) -> bool:
        """Whether there is something to check as time goes on."""
        is_given = not self.rollout.is_killed and self.rollout.weight_percent > 0
        return is_given and self.status.phase is not RolloutPhase.PAUSED


@dataclass(frozen=True, slots=True)
class _Seen:
    """`rollout` is what the ConfigMap has, for the wish of `wish_hash`. Revisions: `told` is what
    status has, `copied` the highest of pods and Redis."""

    rollout: Rollout | None
    wish_hash: str
    told: int
    copied: int

    @property
    def newest(self) -> int:
        """The highest revision that anybody has."""
        return max(self.told, self.copied, self.rollout.revision if self.rollout else 0)

    @property
    def is_overtaken(self) -> bool:
        return self.rollout is None or self.newest > self.rollout.revision

    @property
    def is_behind(self) -> bool:
        """The ConfigMap is lost, or older than what was in force."""
        return self.rollout is None or self.told > self.rollout.revision


def share_in_force(resource: Resource, spec: Spec, observed: Observed, now_unix_s: int) -> Share:
    """Wishes take effect at once; the guard looks once in an interval."""
    wish_hash = hash_of(spec.rollout)
    seen = _look(resource, observed)
    if seen.is_behind and resource.status.rollout.spec_hash == wish_hash:
        share = _restored(resource, spec.rollout, seen, observed)
    elif seen.rollout is None or seen.wish_hash != wish_hash:
        rollout = _begun(spec.rollout, seen, now_unix_s)
        status = _status(_anew(resource.status.rollout), rollout, spec, now_unix_s)
        return Share(rollout, wish_hash, _about(wish_hash, status), now_unix_s)
    else:
        share = _kept(resource, seen, observed)
    due_unix_s = share.checked_unix_s + spec.rollout.analysis.interval_s
    if share.status.phase is not RolloutPhase.PAUSED and now_unix_s >= due_unix_s:
        share = _checked(share, spec, observed, now_unix_s)
    status = _status(share.status, share.rollout, spec, now_unix_s)
    return replace(share, status=_about(wish_hash, status))


def hash_of(asked: wish.Rollout) -> str:
    """Stands for a wish. Defaults are left out: an operator that knows a member more, and starts
    to fill it in, must not take a rollback for forgotten."""
    return digest(asked.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def _about(wish_hash: str, status: RolloutStatus) -> RolloutStatus:
    return status.model_copy(update={"spec_hash": wish_hash})


def _anew(status: RolloutStatus) -> RolloutStatus:
    counts = {"failed_checks": 0, "inconclusive_checks": 0}
    return status.model_copy(update={"phase": RolloutPhase.WIDENING, **counts})


def _look(resource: Resource, observed: Observed) -> _Seen:
    config_map = observed.objects.get(ObjectKey("ConfigMap", flags_config_map(resource.name)))
    rollout = _read(read_flags(config_map), MOST_OF_OURS)
    metadata: Any = (config_map or {}).get("metadata") or {}
    wish_hash = str((metadata.get("annotations") or {}).get(Annotation.ROLLOUT, ""))
    given = [pod.instance.flags_revision for pod in observed.pods if pod.instance]
    copied = [revision for revision in given if revision <= MOST_OF_OTHERS]
    told = resource.status.rollout.revision
    text = observed.flags.text if observed.flags else None
    published = _read(text, MOST_OF_OTHERS)
    if published is not None:
        # The same revision with another text is by another hand: it is overtaken, too.
        is_same = rollout is not None and published.revision == rollout.revision
        copied.append(published.revision + (is_same and text != read_flags(config_map)))
    return _Seen(rollout, wish_hash, told if told <= MOST_OF_OURS else 0, max(copied, default=0))


def _read(text: str | None, most: int) -> Rollout | None:
    """`most`: what has a higher revision is none of ours."""
    try:
        rollout = None if text is None else read_document(text)
    except DocumentMalformed:
        return None
    return rollout if rollout is not None and rollout.revision <= most else None


def _begun(asked: wish.Rollout, seen: _Seen, now_unix_s: int) -> Rollout:
    """A new wish: narrower at once; wider by the first step, or as it was until that was held."""
    before = seen.rollout
    weight_percent = _first_weight(asked, before.weight_percent if before else 0.0)
    begun = _with(_wished(asked, weight_percent, now_unix_s), revision=seen.newest + 1)
    is_same = before is not None and _words(before) == _words(begun) and not seen.is_overtaken
    return before if before is not None and is_same else begun


def _wished(asked: wish.Rollout, weight_percent: float, now_unix_s: int) -> Rollout:
    return Rollout(
        weight_percent=weight_percent,
        is_killed=asked.kill_switch,
        overrides=tuple(
            Override(subject=each.subject, name=each.name, variant=each.variant)
            for each in asked.overrides
        ),
        analysis=_analysis(asked.analysis),
        reason="spec.rollout",
        changed_by=OPERATOR,
        changed_unix_s=now_unix_s,
    )


def _with(rollout: Rollout, **members: Any) -> Rollout:
    """Validated anew: nothing gets in that is out of range."""
    return Rollout.model_validate({**rollout.model_dump(), **members})


def _words(rollout: Rollout) -> tuple[object, ...]:
    return rollout.weight_percent, rollout.is_killed, rollout.overrides, rollout.analysis


def _first_weight(asked: wish.Rollout, weight_percent: float) -> float:
    goal = float(asked.weight_percent)
    if goal <= weight_percent or not asked.steps:
        return goal
    return weight_percent or _steps(asked)[0].weight_percent


def _steps(asked: wish.Rollout) -> list[Step]:
    """Those on the way to the weight, which is the last."""
    goal = float(asked.weight_percent)
    before = [s for s in asked.steps if s.weight_percent < goal]
    last = next((s.hold_s for s in asked.steps if s.weight_percent == goal), 0)
    return [*(Step(float(s.weight_percent), float(s.hold_s)) for s in before), Step(goal, last)]


def _analysis(asked: wish.Analysis) -> analysis.Analysis:
    return analysis.Analysis(
        is_on=asked.enabled,
        interval_s=asked.interval_s,
        window_s=asked.window_s,
        min_sessions=asked.min_sessions,
        failure_limit=asked.failure_limit,
        thresholds=tuple(
            analysis.Threshold(measure=each.measure, limit=each.limit, worse_by=each.worse_by)
            for each in asked.thresholds
        ),
    )


def _kept(resource: Resource, seen: _Seen, observed: Observed) -> Share:
    """What the ConfigMap has, under a revision that nobody has overtaken."""
    assert seen.rollout is not None, "what is not there cannot be kept"
    rollout, status = seen.rollout, resource.status.rollout
    if status.spec_hash != seen.wish_hash:
        status = _anew(status)
    if seen.is_overtaken:
        rollout = _with(rollout, revision=seen.newest + 1)
    return Share(rollout, seen.wish_hash, status, observed.memo.checked_unix_s)


def _restored(resource: Resource, asked: wish.Rollout, seen: _Seen, observed: Observed) -> Share:
    """What status has: a rollback stays one, a pause too, and no step is taken twice. The revision
    stays the same until somebody was given it, however often its Apply fails or is seen late."""
    told = resource.status.rollout
    is_back = told.phase is RolloutPhase.ROLLED_BACK
    since = told.last_rollback_time if is_back else told.changed_time
    since_unix_s = max(int(since.timestamp()), 0) if since else 0
    rollout = _with(
        _wished(asked, _told_weight(told, asked, seen), since_unix_s),
        revision=seen.told if seen.told > seen.copied else seen.copied + 1,
    )
    if is_back:
        reason = told.last_rollback_reason[:MAX_REASON_CHARS]
        rollout = _with(rollout, changed_by=AUTHOR, reason=reason)
    return Share(rollout, hash_of(asked), told, observed.memo.checked_unix_s)


def _told_weight(told: RolloutStatus, asked: wish.Rollout, seen: _Seen) -> float:
    """Under the kill switch status has 0 for every share: the one before is begun with again."""
    if told.phase is RolloutPhase.ROLLED_BACK:
        return 0.0
    if told.phase is RolloutPhase.KILLED:
        return _first_weight(asked, seen.rollout.weight_percent if seen.rollout else 0.0)
    return float(min(told.weight_percent, asked.weight_percent))


def _checked(share: Share, spec: Spec, observed: Observed, now_unix_s: int) -> Share:
    rollout, status = share.rollout, share.status
    before = Progress(status.revision, status.failed_checks)
    held_since = status.changed_time
    on_hold = rollout
    if held_since is not None:
        on_hold = _with(rollout, changed_unix_s=max(int(held_since.timestamp()), 0))
    found = _by_time(on_hold, spec.rollout, now_unix_s)
    if found is None:
        report = _sum(rollout.revision, observed)
        found = check(on_hold, report, before, now_unix_s, _steps(spec.rollout))
        judged = judge(spec.rollout.analysis.queries, observed.answers)
        found = with_judgement(found, judged, rollout, before, now_unix_s)
    share = replace(share, checked_unix_s=now_unix_s, found=found)
    halts = _halts(found, status, spec.rollout.analysis)
    # Counted as far as it decides anything, so that status of a quiet fleet is not written anew.
    most = max(spec.rollout.analysis.inconclusive_limit, 1)
    lost = min(status.inconclusive_checks + 1, most) if found.verdict is Verdict.PAUSED else 0
    counted = status.model_copy(
        update={
            "failed_checks": found.progress.failed_checks,
            "inconclusive_checks": lost,
            "phase": RolloutPhase.PAUSED if halts else status.phase,
        }
    )
    if found.rollout is None or halts or (spec.paused and found.verdict is Verdict.WIDEN):
        return replace(share, status=counted)
    return replace(share, rollout=found.rollout, status=counted)


def _by_time(rollout: Rollout, asked: wish.Rollout, now_unix_s: int) -> Check | None:
    """Without an analysis, steps go on by their time alone."""
    if rollout.analysis.is_on or rollout.is_killed or not rollout.weight_percent:
        return None
    steps = _steps(asked)
    following = next((s for s in steps if s.weight_percent > rollout.weight_percent), None)
    passed = [s.hold_s for s in steps if s.weight_percent <= rollout.weight_percent]
    held_s = now_unix_s - rollout.changed_unix_s
    if following is None or held_s < (passed[-1] if passed else 0):
        return None
    reason = f"{rollout.weight_percent:g} % was held for {held_s} s"
    widened = rollout.changed(
        by=OPERATOR,
        reason=reason,
        now_unix_s=now_unix_s,
        weight_percent=following.weight_percent,
    )
    return Check(Verdict.WIDEN, reason, Progress(rollout.revision), widened)


def _sum(revision: int, observed: Observed) -> Report | None:
    """Of the pods that go by this revision; `None` where there is none."""
    reports = [pod.instance.report for pod in observed.pods if pod.instance]
    known = [each for each in reports if each is not None and each.revision == revision]
    return sum(known[1:], known[0]) if known else None


def _halts(found: Check, status: RolloutStatus, asked: wish.Analysis) -> bool:
    """Whether the rollout waits for people from now on."""
    if found.verdict is Verdict.ROLLBACK:
        return asked.on_failure is OnFailure.PAUSE
    limit = asked.inconclusive_limit
    is_lost = found.verdict is Verdict.PAUSED and status.inconclusive_checks + 1 >= limit
    return limit > 0 and is_lost


def _status(before: RolloutStatus, rollout: Rollout, spec: Spec, now_unix_s: int) -> RolloutStatus:
    weight = 0 if rollout.is_killed else round(rollout.weight_percent)
    weights = [step.weight_percent for step in spec.rollout.steps]
    changed = before.changed_time
    if changed is None or before.weight_percent != weight:
        changed = _moment(rollout.changed_unix_s if before.revision == 0 else now_unix_s)
    is_rollback = _is_rollback(rollout)
    return before.model_copy(
        update={
            "weight_percent": weight,
            "step": weights.index(weight) if weight in weights else None,
            "phase": _phase(before, rollout, spec.rollout),
            "revision": rollout.revision,
            "changed_time": changed,
            "last_rollback_time": (
                _moment(rollout.changed_unix_s) if is_rollback else before.last_rollback_time
            ),
            "last_rollback_reason": rollout.reason if is_rollback else before.last_rollback_reason,
        }
    )


def _phase(before: RolloutStatus, rollout: Rollout, asked: wish.Rollout) -> RolloutPhase:
    if rollout.is_killed:
        return RolloutPhase.KILLED
    if asked.weight_percent == 0:
        return RolloutPhase.IDLE
    if _is_rollback(rollout):
        return RolloutPhase.ROLLED_BACK
    if before.phase is RolloutPhase.PAUSED:
        return RolloutPhase.PAUSED
    is_there = rollout.weight_percent == asked.weight_percent
    return RolloutPhase.COMPLETED if is_there else RolloutPhase.WIDENING


def _is_rollback(rollout: Rollout) -> bool:
    return rollout.changed_by == AUTHOR and rollout.weight_percent == 0


def _moment(unix_s: int) -> datetime:
    """Documents by another hand may have any number: a far time is a bounded one."""
    return datetime.fromtimestamp(min(unix_s, FAR_UNIX_S), UTC)
