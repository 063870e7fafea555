"""Objects as they shall be, and copies of the flag document where they belong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from voicemedia_operator.reconcile.actions import (
    Action,
    Apply,
    Delete,
    PublishFlags,
    PutFlags,
)
from voicemedia_operator.reconcile.names import accepted_config_map, flags_config_map
from voicemedia_operator.reconcile.objects.config_maps import accepted, flags, read_flags
from voicemedia_operator.reconcile.objects.fleet import WATCHED_KINDS, objects_of_the_fleet
from voicemedia_operator.reconcile.objects.manifest import (
    Manifest,
    is_in_place,
    key_of,
    stamped,
)
from voicemedia_operator.reconcile.objects.service import pod_service
from voicemedia_operator.reconcile.observed import Document, ObjectKey
from voicemedia_operator.reconcile.places import Births
from voicemedia_operator.reconcile.pods import is_alive
from voicemedia_operator.reconcile.situation import Situation


def keep_objects(situation: Situation, born: Births) -> Iterator[Action]:
    """Applies what is not in place, deletes what is no longer wanted."""
    seen = situation.observed.objects
    # The last good spec stays also while the resource has faults.
    wanted = {ObjectKey("ConfigMap", accepted_config_map(situation.resource.name))}
    for manifest in map(stamped, _manifests(situation, born)):
        wanted.add(key_of(manifest))
        if not is_in_place(manifest, seen.get(key_of(manifest))):
            yield Apply(manifest)
    # A pod's calls go through its Service: that one goes after the pod, whatever spec says by now.
    wanted |= {ObjectKey("Service", pod.name) for pod in situation.pods}
    for key in seen:
        if key.kind in WATCHED_KINDS and key not in wanted:
            yield Delete(key, _uid_of(seen[key]))


def _manifests(situation: Situation, born: Births) -> Iterator[Manifest]:
    resource, spec, share = situation.resource, situation.spec, situation.share
    if resource.spec is not None:
        yield accepted(resource)
    yield flags(resource, share.document, share.wish_hash)
    yield from objects_of_the_fleet(resource, spec, situation.observed.kinds)
    for pod in born.services:
        yield pod_service(resource, spec, pod)


def _uid_of(seen: Document) -> str:
    metadata = seen["metadata"]
    assert isinstance(metadata, Mapping), "an object has metadata"
    return str(metadata["uid"])


def spread_flags(situation: Situation) -> Iterator[Action]:
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
