"""The whole of a plan: from the resource and what was seen to actions and status.

Planning a world in which nothing is to be done gives no action; a plan of which half was lost is
made good by the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from voicemedia_operator.reconcile.actions import (
    Action,
    AddFinalizer,
    Apply,
    CreatePod,
    Delete,
    DeletePod,
    Event,
    Mark,
    Plan,
    PublishFlags,
    PutFlags,
    RemoveFinalizer,
)
from voicemedia_operator.reconcile.conditions import degraded, settle, turned
from voicemedia_operator.reconcile.draining import (
    begin_drain,
    deadline_unix_s,
    keep_to_its_mark,
    last_unix_s,
    take_back,
)
from voicemedia_operator.reconcile.names import TRUE, Label, accepted_config_map, flags_config_map
from voicemedia_operator.reconcile.objects.config_maps import (
    accepted,
    flags,
    read_accepted,
    read_flags,
)
from voicemedia_operator.reconcile.objects.fleet import WATCHED_KINDS, objects_of_the_fleet
from voicemedia_operator.reconcile.objects.manifest import (
    Manifest,
    is_in_place,
    key_of,
    stamped,
)
from voicemedia_operator.reconcile.objects.pod import Place, pod_manifest, revision_of
from voicemedia_operator.reconcile.objects.secret import missing_secrets, secrets_to_make
from voicemedia_operator.reconcile.observed import (
    Document,
    Memo,
    ObjectKey,
    Observed,
    Pod,
    Resource,
)
from voicemedia_operator.reconcile.pods import (
    is_alive,
    is_drained,
    replaced_at_unix_s,
    stuck_at_unix_s,
)
from voicemedia_operator.reconcile.replacing import Changes, Wish, changes
from voicemedia_operator.reconcile.rollout import Share, share_in_force
from voicemedia_operator.reconcile.scaling import remember_enough, wanted_replicas
from voicemedia_operator.reconcile.situation import Situation
from voicemedia_operator.reconcile.status import status_of
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
        again_unix_s=_again_unix_s(situation),
        memo=replace(situation.observed.memo, checked_unix_s=situation.share.checked_unix_s),
    )


def _as_its_node(pod: Pod, observed: Observed) -> Pod:
    """A pod whose node is gone has ended, though nobody is left to say so."""
    if observed.nodes is None or pod.node is None or pod.node in observed.nodes:
        return pod
    message = f"its node {pod.node} is gone"
    gone = replace(pod, has_ended=True, is_running=False, is_ready=False, instance=None)
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
    if resource.is_deleting:
        yield from _leave(situation)
        return
    if not resource.has_finalizer:
        yield AddFinalizer()
    yield from secrets_to_make(resource, spec, observed.secrets)
    yield from _objects(situation)
    yield from _flags(situation)
    if not spec.paused:
        yield from _pods(situation)


def _leave(situation: Situation) -> Iterator[Action]:
    """All pods drain; then the resource goes, and with it all that it owns."""
    yield from _pods(situation)
    is_there = [
        pod
        for pod in situation.pods
        if pod.ends_unix_s is None or situation.now_unix_s < pod.ends_unix_s
    ]
    if not is_there and situation.resource.has_finalizer:
        yield RemoveFinalizer()


def _objects(situation: Situation) -> Iterator[Action]:
    seen = situation.observed.objects
    # The last good spec stays also while the resource has faults.
    wanted = {ObjectKey("ConfigMap", accepted_config_map(situation.resource.name))}
    for manifest in map(stamped, _manifests(situation)):
        wanted.add(key_of(manifest))
        if not is_in_place(manifest, seen.get(key_of(manifest))):
            yield Apply(manifest)
    for key in seen:
        if key.kind in WATCHED_KINDS and key not in wanted:
            yield Delete(key, _uid_of(seen[key]))


def _manifests(situation: Situation) -> Iterator[Manifest]:
    resource, share = situation.resource, situation.share
    if resource.spec is not None:
        yield accepted(resource)
    yield flags(resource, share.document, share.wish_hash)
    yield from objects_of_the_fleet(resource, situation.spec, situation.observed.kinds)


def _uid_of(seen: Document) -> str:
    metadata = seen["metadata"]
    assert isinstance(metadata, Mapping), "an object has metadata"
    return str(metadata["uid"])


def _flags(situation: Situation) -> Iterator[Action]:
    """Copies of the flag document for Redis and for pods that have an older one, once the
    ConfigMap has it: what is forgotten there must not be known elsewhere."""
    share, published = situation.share, situation.observed.flags
    key = ObjectKey("ConfigMap", flags_config_map(situation.resource.name))
    if read_flags(situation.observed.objects.get(key)) != share.document:
        return
    if published is not None and published.is_reachable and published.text != share.document:
        yield PublishFlags(share.rollout.revision, share.document)
    for pod in situation.pods:
        instance = pod.instance
        if is_alive(pod) and instance and instance.flags_revision < share.rollout.revision:
            yield PutFlags(pod.name, pod.uid, share.document)


def _pods(situation: Situation) -> Iterator[Action]:
    now_unix_s, drain = situation.now_unix_s, situation.spec.drain
    found = changes(situation.pods, situation.wish, now_unix_s)
    touched = {pod.uid for pod, _ in found.drain} | {
        pod.uid for pod in (*found.take_back, *found.delete)
    }
    for pod in found.take_back:
        yield from take_back(pod)
    yield from _births(situation, found)
    for pod, cause in found.drain:
        yield from begin_drain(pod, cause, now_unix_s)
    for pod in situation.pods:
        if pod.uid not in touched:
            yield from keep_to_its_mark(pod, drain, now_unix_s)
        yield from _busy_mark(pod)
    for pod in found.delete:
        yield DeletePod(pod.name, pod.uid)


def _births(situation: Situation, found: Changes) -> Iterator[Action]:
    if missing_secrets(situation.spec, situation.observed.secrets):
        return
    first = max((pod.number for pod in situation.pods), default=0) + 1
    for number, attempt in enumerate(found.create, first):
        place = Place(number, attempt)
        yield CreatePod(pod_manifest(situation.resource, situation.spec, place))


def _busy_mark(pod: Pod) -> Iterator[Action]:
    """The label by which a disruption budget selects pods with calls."""
    if not is_alive(pod) or is_drained(pod) or pod.instance is None:
        return
    if pod.is_busy != (pod.instance.sessions > 0):
        yield Mark(pod.name, pod.uid, {Label.BUSY.value: None if pod.is_busy else TRUE}, {})


def _told_of_the_share(share: Share) -> Iterator[Event]:
    if share.found is not None and share.found.rollout is share.rollout:
        is_back = share.found.verdict is Verdict.ROLLBACK
        yield Event(is_back, "RolledBack" if is_back else "ShareWidened", share.found.reason)


def _again_unix_s(situation: Situation) -> int | None:
    """The first time at which something is due by the clock alone."""
    drain, now_unix_s = situation.spec.drain, situation.now_unix_s
    checked_unix_s, interval_s = (
        situation.share.checked_unix_s,
        situation.spec.rollout.analysis.interval_s,
    )
    times: list[int | None] = [
        checked_unix_s + interval_s if situation.share.is_judged else None,
        *(
            at + situation.spec.scaling.stabilization_window_s
            for at, _ in situation.observed.memo.wanted[:1]
        ),
    ]
    for pod in situation.pods:
        times += [
            deadline_unix_s(pod, drain),
            last_unix_s(pod, drain),
            stuck_at_unix_s(pod),
            replaced_at_unix_s(pod) if pod.has_ended else None,
            pod.ends_unix_s,
        ]
    return min((at for at in times if at is not None and at > now_unix_s), default=None)


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
