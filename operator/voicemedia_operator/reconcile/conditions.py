"""The conditions of a resource: questions, each answered by a chain of small named ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from voicemedia_operator.reconcile.actions import Event
from voicemedia_operator.reconcile.situation import Situation
from voicemedia_operator.reconcile.troubles import Trouble
from voicemedia_operator.spec.status import (
    Condition,
    ConditionStatus,
    ConditionType,
    RolloutPhase,
)
from voicemedia_rollout.guard import Verdict

MAX_MESSAGE_CHARS = 4096
GOOD = {
    ConditionType.AVAILABLE: ConditionStatus.TRUE,
    ConditionType.DEGRADED: ConditionStatus.FALSE,
    ConditionType.REGISTRY_REACHABLE: ConditionStatus.TRUE,
    ConditionType.ROLLOUT_HEALTHY: ConditionStatus.TRUE,
}
"""Another definite answer to these is a warning."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A condition before it is known since when."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str = ""


def answers(situation: Situation, found: Sequence[Trouble]) -> tuple[Answer, ...]:
    """One for each question."""
    return (
        _available(situation),
        _progressing(situation),
        degraded(found),
        _draining(situation),
        _registry_reachable(situation),
        _rollout_healthy(situation),
        paused(situation.spec.paused),
    )


def _truth(is_true: bool) -> ConditionStatus:
    return ConditionStatus.TRUE if is_true else ConditionStatus.FALSE


def _available(situation: Situation) -> Answer:
    wanted, ready = situation.wish.replicas, len(situation.available)
    least = max(wanted - situation.spec.update.max_unavailable, min(wanted, 1))
    told = f"{ready} of {wanted} pods take sessions"
    if situation.wish.is_deleting:
        told = f"the resource was deleted; {ready} pods still take sessions"
        return Answer(ConditionType.AVAILABLE, ConditionStatus.FALSE, "Deleting", told)
    if ready < least:
        return Answer(ConditionType.AVAILABLE, ConditionStatus.FALSE, "PodsMissing", told)
    reachable = _registry_reachable(situation)
    if situation.spec.registry.required and reachable.status is ConditionStatus.FALSE:
        message = f"the registry is required: {reachable.message}"
        return Answer(ConditionType.AVAILABLE, ConditionStatus.FALSE, reachable.reason, message)
    return Answer(ConditionType.AVAILABLE, ConditionStatus.TRUE, "PodsReady", told)


def _progressing(situation: Situation) -> Answer:
    wish = situation.wish
    old = len(situation.working) - len(situation.updated)
    if wish.is_deleting and situation.pods:
        reason, told = "Deleting", f"{len(situation.pods)} pods leave"
    elif old:
        reason, told = "PodsReplaced", f"{old} pods of an older revision are to be replaced"
    elif len(situation.updated) != wish.replicas:
        told = f"{len(situation.updated)} of {wish.replicas} wanted pods are there"
        reason = "PodsMade" if len(situation.updated) < wish.replicas else "PodsTakenAway"
    elif len(situation.available) < wish.replicas:
        starting = wish.replicas - len(situation.available)
        reason, told = "PodsStarting", f"{starting} pods are not ready yet"
    else:
        told = f"all {wish.replicas} pods are there"
        return Answer(ConditionType.PROGRESSING, ConditionStatus.FALSE, "Settled", told)
    return Answer(ConditionType.PROGRESSING, ConditionStatus.TRUE, reason, told)


def degraded(found: Sequence[Trouble]) -> Answer:
    """Whether something must be mended."""
    if not found:
        return Answer(ConditionType.DEGRADED, ConditionStatus.FALSE, "NothingToMend")
    told = "; ".join(each.message for each in found)
    return Answer(ConditionType.DEGRADED, ConditionStatus.TRUE, found[0].reason, told)


def _draining(situation: Situation) -> Answer:
    leaving = situation.draining
    if not leaving:
        return Answer(ConditionType.DRAINING, ConditionStatus.FALSE, "NoPodDrains")
    sessions = sum(pod.sessions or 0 for pod in leaving)
    told = f"{len(leaving)} pods drain, with {sessions} sessions"
    return Answer(ConditionType.DRAINING, ConditionStatus.TRUE, "PodsDrain", told)


def _registry_reachable(situation: Situation) -> Answer:
    kind, flags = ConditionType.REGISTRY_REACHABLE, situation.observed.flags
    if situation.spec.registry.url_secret_ref is None:
        told = "spec.registry.urlSecretRef is not set: pods list their own sessions"
        return Answer(kind, ConditionStatus.UNKNOWN, "NoRegistry", told)
    cut_off = [p.name for p in situation.pods if p.instance and not p.instance.registry_reachable]
    if cut_off:
        told = f"Redis is not reached by {', '.join(cut_off[:5])}"
        told += f" and {len(cut_off) - 5} more pods" if len(cut_off) > 5 else ""
        return Answer(kind, ConditionStatus.FALSE, "PodsCutOff", told)
    if flags is None or not flags.is_reachable:
        told = "Redis is not reached by the operator; calls and new sessions go on"
        return Answer(kind, ConditionStatus.FALSE, "OperatorCutOff", told)
    return Answer(kind, ConditionStatus.TRUE, "Answers")


def _rollout_healthy(situation: Situation) -> Answer:
    kind, status, found = (
        ConditionType.ROLLOUT_HEALTHY,
        situation.share.status,
        situation.share.found,
    )
    before = {each.type: each for each in situation.resource.status.conditions}.get(kind)
    if status.phase is RolloutPhase.ROLLED_BACK:
        told = f"{status.last_rollback_reason}. It stays so until spec.rollout changes."
        return Answer(kind, ConditionStatus.FALSE, "RolledBack", told)
    if found is None and before is not None and status.revision == _last_revision(situation):
        return Answer(kind, before.status, before.reason, before.message)
    if found is None and status.phase is RolloutPhase.PAUSED:
        # Of the same wish, whatever its revision by now: nothing is checked until people wish.
        if before is not None and before.reason == "Paused":
            return Answer(kind, before.status, before.reason, before.message)
        told = "The share stays as it is until spec.rollout changes."
        return Answer(kind, ConditionStatus.UNKNOWN, "Paused", told)
    if found is None or found.verdict is Verdict.IDLE:
        return Answer(kind, ConditionStatus.TRUE, "NothingFound")
    if status.phase is RolloutPhase.PAUSED:
        told = f"{found.reason}. The share stays as it is until spec.rollout changes."
        is_bad = found.verdict is Verdict.ROLLBACK
        state = ConditionStatus.FALSE if is_bad else ConditionStatus.UNKNOWN
        return Answer(kind, state, "Paused", told)
    match found.verdict:
        case Verdict.FAILING | Verdict.ROLLBACK:
            return Answer(kind, ConditionStatus.FALSE, "ChecksFail", found.reason)
        case Verdict.PAUSED:
            return Answer(kind, ConditionStatus.UNKNOWN, "TooLittleData", found.reason)
        case _:
            return Answer(kind, ConditionStatus.TRUE, "ChecksPass", found.reason)


def _last_revision(situation: Situation) -> int:
    return situation.resource.status.rollout.revision


def paused(is_paused: bool) -> Answer:
    """Whether somebody has a look."""
    if not is_paused:
        return Answer(ConditionType.PAUSED, ConditionStatus.FALSE, "NotPaused")
    told = "spec.paused is true: pods and steps of the rollout stay as they are"
    return Answer(ConditionType.PAUSED, ConditionStatus.TRUE, "PausedBySpec", told)


def settle(
    given: Iterable[Answer],
    before: Sequence[Condition],
    generation: int,
    now_unix_s: int,
    *,
    is_faulty: bool = False,
) -> tuple[Condition, ...]:
    """With the time since when each is what it is. `is_faulty`: the spec of this generation is not
    in force, and all but Degraded is about an older one."""
    known = {each.type: each for each in before}

    def about(kind: ConditionType) -> int:
        if not is_faulty or kind is ConditionType.DEGRADED:
            return generation
        return known[kind].observed_generation if kind in known else max(generation - 1, 0)

    now = datetime.fromtimestamp(now_unix_s, UTC)
    return tuple(
        Condition(
            type=answer.type,
            status=answer.status,
            reason=answer.reason,
            message=answer.message[:MAX_MESSAGE_CHARS],
            observed_generation=about(answer.type),
            last_transition_time=(
                known[answer.type].last_transition_time
                if answer.type in known and known[answer.type].status is answer.status
                else now
            ),
        )
        for answer in given
    )


def turned(before: Sequence[Condition], after: Sequence[Condition]) -> Iterator[Event]:
    """An event for each condition that is another than it was, or has another reason to be bad."""
    known = {each.type: each for each in before}
    for each in after:
        was = known.get(each.type)
        is_bad = each.type in GOOD and each.status not in (
            GOOD[each.type],
            ConditionStatus.UNKNOWN,
        )
        if was is None and not is_bad:
            continue
        if was is None or was.status is not each.status or (is_bad and was.reason != each.reason):
            told = f"{each.type} is {each.status}"
            yield Event(is_bad, each.reason, f"{told}: {each.message}" if each.message else told)
