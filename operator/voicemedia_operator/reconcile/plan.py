"""The whole of a plan: from the resource and what was seen to actions and status.

Planning a world in which nothing is to be done gives no action; a plan of which half was lost is
made good by the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from voicemedia_operator.reconcile.actions import (
    Action,
    AddFinalizer,
    Event,
    Plan,
    RemoveFinalizer,
)
from voicemedia_operator.reconcile.conditions import degraded, settle, turned
from voicemedia_operator.reconcile.due import due_unix_s
from voicemedia_operator.reconcile.keeping import keep_objects, spread_flags
from voicemedia_operator.reconcile.names import accepted_config_map
from voicemedia_operator.reconcile.objects.config_maps import read_accepted
from voicemedia_operator.reconcile.objects.pod import revision_of
from voicemedia_operator.reconcile.objects.secret import missing_secrets, secrets_to_make
from voicemedia_operator.reconcile.observed import Memo, ObjectKey, Observed, Pod, Resource
from voicemedia_operator.reconcile.places import Births, Names, births
from voicemedia_operator.reconcile.replacing import Changes, Wish, changes
from voicemedia_operator.reconcile.rollout import Share, share_in_force
from voicemedia_operator.reconcile.scaling import remember_enough, wanted_replicas
from voicemedia_operator.reconcile.situation import Situation
from voicemedia_operator.reconcile.status import status_of
from voicemedia_operator.reconcile.tending import mark_busy, tend_pods
from voicemedia_operator.reconcile.troubles import Trouble, troubles
from voicemedia_operator.spec.status import Phase
from voicemedia_operator.spec.voice_media_server import Spec
from voicemedia_rollout.guard import Verdict


def plan(resource: Resource, observed: Observed, now_unix_s: int) -> Plan:
    """One look at the resource, and all that follows from it."""
    observed = replace(observed, pods=tuple(_as_its_node(pod, observed) for pod in observed.pods))
    spec = resource.spec or _last_accepted(resource, observed)
    if spec is None and resource.is_deleting:
        spec = Spec(image="unknown")  # pods without a spec drain as by default
    if spec is None:
        return _without_spec(resource, observed, now_unix_s)
    situation = _situation(resource, spec, observed, now_unix_s)
    found = troubles(situation)
    status = status_of(situation, found)
    return Plan(
        actions=tuple(_actions(situation)),
        status=status,
        events=(
            *_told_of_the_share(situation.share),
            *turned(resource.status.conditions, status.conditions),
        ),
        again_unix_s=due_unix_s(situation),
        memo=replace(situation.observed.memo, checked_unix_s=situation.share.checked_unix_s),
    )


def _as_its_node(pod: Pod, observed: Observed) -> Pod:
    """A pod whose node is gone has ended, though nobody is left to say so. One that answers or is
    ready is alive: then it is the list of nodes that is old."""
    is_known = observed.nodes is None or pod.node is None or pod.node in observed.nodes
    if is_known or pod.instance is not None or pod.is_ready:
        return pod
    message = f"its node {pod.node} is gone"
    gone = replace(pod, has_ended=True, is_running=False, is_ready=False)
    return replace(gone, trouble="NodeGone", trouble_message=message)


def _last_accepted(resource: Resource, observed: Observed) -> Spec | None:
    return read_accepted(
        observed.objects.get(ObjectKey("ConfigMap", accepted_config_map(resource.name)))
    )


def _situation(resource: Resource, spec: Spec, observed: Observed, now_unix_s: int) -> Situation:
    memo = Memo(
        remember_enough(spec, observed.pods, observed.memo, now_unix_s),
        observed.memo.checked_unix_s,
    )
    observed = replace(observed, memo=memo)
    wish = Wish(
        replicas=0 if resource.is_deleting else wanted_replicas(spec, memo),
        revision=revision_of(resource, spec),
        update=spec.update,
        drain=spec.drain,
        is_deleting=resource.is_deleting,
    )
    share = share_in_force(resource, spec, observed, now_unix_s)
    return Situation(resource, spec, observed, wish, share, now_unix_s)


def _actions(situation: Situation) -> Iterator[Action]:
    resource, spec, observed = situation.resource, situation.spec, situation.observed
    is_held = spec.paused and not resource.is_deleting
    found = Changes()
    if not is_held:
        found = changes(situation.pods, situation.wish, situation.now_unix_s)
    born = _births(situation, found)
    if resource.is_deleting:
        yield from mark_busy(situation.pods)
        yield from tend_pods(situation, found, born)
        yield from _let_go(situation)
        return
    if not resource.has_finalizer:
        yield AddFinalizer()
    yield from secrets_to_make(resource, spec, observed.secrets)
    yield from keep_objects(situation, born)
    yield from spread_flags(situation)
    # Of a held fleet too: its calls are to be spared when a node is drained.
    yield from mark_busy(situation.pods)
    if not is_held:
        yield from tend_pods(situation, found, born)


def _births(situation: Situation, found: Changes) -> Births:
    """None without the Secrets that a pod waits for."""
    is_waiting = missing_secrets(situation.spec, situation.observed.secrets)
    names = Names(situation.resource.name, situation.wish.revision)
    attempts = () if is_waiting else found.create
    return births(situation.spec.media.exposure, names, attempts, situation.observed)


def _let_go(situation: Situation) -> Iterator[Action]:
    """Once no pod is left; one that somebody deleted is waited for as long as its grace lasts."""
    is_there = [
        pod
        for pod in situation.pods
        if pod.ends_unix_s is None or situation.now_unix_s < pod.ends_unix_s
    ]
    if not is_there and situation.resource.has_finalizer:
        yield RemoveFinalizer()


def _told_of_the_share(share: Share) -> Iterator[Event]:
    """A step; a rollback is told by the condition that turns."""
    found = share.found
    if found is not None and found.verdict is Verdict.WIDEN and found.rollout is share.rollout:
        yield Event(False, "ShareWidened", found.reason)


def _without_spec(resource: Resource, observed: Observed, now_unix_s: int) -> Plan:
    """Nothing is known of what is wanted: what is there stays, and people are told."""
    told = "; ".join(map(str, resource.faults))
    found = [Trouble("InvalidSpec", f"{told}. Nothing is made or changed until it is mended.")]
    conditions = settle(
        [degraded(found)], resource.status.conditions, resource.generation, now_unix_s
    )
    others = [each for each in resource.status.conditions if each.type is not conditions[0].type]
    status = resource.status.model_copy(
        update={
            "observed_generation": resource.generation,
            "phase": Phase.DEGRADED,
            "conditions": (*others, *conditions),
        }
    )
    return Plan(
        actions=(),
        status=status,
        events=tuple(turned(resource.status.conditions, status.conditions)),
        memo=observed.memo,
    )
