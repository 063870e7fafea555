"""Status of a resource, from what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from voicemedia_operator.reconcile.conditions import answers, settle
from voicemedia_operator.reconcile.draining import deadline_unix_s
from voicemedia_operator.reconcile.endpoints import endpoints
from voicemedia_operator.reconcile.objects.manifest import pods_of
from voicemedia_operator.reconcile.observed import Pod
from voicemedia_operator.reconcile.pods import phase_of
from voicemedia_operator.reconcile.situation import Situation
from voicemedia_operator.reconcile.troubles import Trouble
from voicemedia_operator.spec.status import (
    MAX_PODS,
    Capacity,
    Phase,
    PodPhase,
    PodStatus,
    Revisions,
    Sessions,
    Status,
)


def status_of(situation: Situation, found: Sequence[Trouble]) -> Status:
    """All that was seen, told anew."""
    resource, wish = situation.resource, situation.wish
    return Status(
        observed_generation=resource.generation,
        phase=_phase(situation, found),
        replicas=len(situation.working),
        ready_replicas=len(situation.available),
        updated_replicas=len(situation.updated),
        draining_replicas=len(situation.draining),
        selector=",".join(f"{name}={value}" for name, value in pods_of(resource.name).items()),
        revisions=Revisions(wanted=wish.revision, stable=_stable(situation)),
        capacity=_capacity(situation),
        sessions=_sessions(situation.pods),
        pods=_pods(situation),
        rollout=situation.share.status,
        endpoints=endpoints(resource, situation.spec),
        conditions=settle(
            answers(situation, found),
            resource.status.conditions,
            resource.generation,
            situation.now_unix_s,
            is_faulty=resource.spec is None,
        ),
    )


def _stable(situation: Situation) -> str:
    updated = [pod for pod in situation.available if pod.revision == situation.wish.revision]
    is_whole = len(updated) >= situation.wish.replicas > 0
    return situation.wish.revision if is_whole else situation.resource.status.revisions.stable


def _phase(situation: Situation, found: Sequence[Trouble]) -> Phase:
    if situation.wish.is_deleting:
        return Phase.DELETING
    if situation.spec.paused:
        return Phase.PAUSED
    if found:
        return Phase.DEGRADED
    if situation.wish.replicas and not situation.pods:
        return Phase.PENDING
    is_settled = len(situation.available) == situation.wish.replicas == len(situation.working)
    return Phase.READY if is_settled and _is_uniform(situation) else Phase.PROGRESSING


def _is_uniform(situation: Situation) -> bool:
    return len(situation.updated) == len(situation.working)


def _capacity(situation: Situation) -> Capacity:
    known = [pod.instance for pod in situation.available if pod.instance]
    return Capacity(
        max_sessions=sum(each.max_sessions for each in known),
        free_sessions=sum(max(each.max_sessions - each.sessions, 0) for each in known),
    )


def _sessions(pods: Sequence[Pod]) -> Sessions:
    known = [pod.instance for pod in pods if pod.instance]
    return Sessions(
        total=sum(each.sessions for each in known),
        webrtc=sum(each.webrtc_sessions for each in known),
        websocket=sum(each.websocket_sessions for each in known),
    )


def _pods(situation: Situation) -> tuple[PodStatus, ...]:
    by_name = sorted(situation.pods, key=lambda pod: pod.name)[:MAX_PODS]
    return tuple(_pod(situation, pod) for pod in by_name)


def _pod(situation: Situation, pod: Pod) -> PodStatus:
    phase = phase_of(pod)
    deadline = pod.ends_unix_s or deadline_unix_s(pod, situation.spec.drain)
    shows_deadline = phase is PodPhase.DRAINING and deadline is not None
    return PodStatus(
        name=pod.name,
        phase=phase,
        revision=pod.revision,
        node=pod.node,
        sessions=pod.sessions or 0,
        port=pod.port,
        drain_deadline=datetime.fromtimestamp(deadline or 0, UTC) if shows_deadline else None,
    )
