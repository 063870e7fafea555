"""All that is known of the API server's objects, by resource. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from voicemedia_operator.cluster.kinds import (
    ALL,
    NODE,
    POD,
    VOICE_MEDIA_SERVER,
    Document,
    Kind,
    KindUnknown,
    kind_of,
)
from voicemedia_operator.cluster.mirror import Mirror, ResourceKey
from voicemedia_operator.reconcile.observed import ObjectKey

NOT_OWNED = frozenset({VOICE_MEDIA_SERVER, POD, NODE})


class World:
    """A mirror for each kind. `optional` are the names of kinds that this cluster has beyond those
    that all have; `knows_nodes` says that nodes were listed."""

    def __init__(self) -> None:
        self.mirrors = {kind: Mirror() for kind in ALL}
        self.optional: frozenset[str] = frozenset()
        self.knows_nodes = False

    def resource(self, key: ResourceKey) -> Document | None:
        """The resource itself."""
        return self.mirrors[VOICE_MEDIA_SERVER].get(key.namespace, key.name)

    def pods(self, key: ResourceKey, uid: str) -> Iterator[Document]:
        """Pods of the resource with this uid, not of a predecessor of its name."""
        for pod in self.mirrors[POD].of(key):
            owners = pod["metadata"].get("ownerReferences", ())
            if any(owner["uid"] == uid for owner in owners):
                yield pod

    def objects(self, key: ResourceKey) -> dict[ObjectKey, Document]:
        """All else that was made for it."""
        return {
            ObjectKey(kind.name, found["metadata"]["name"]): found
            for kind, mirror in self.mirrors.items()
            if kind not in NOT_OWNED
            for found in mirror.of(key)
        }

    def nodes(self) -> frozenset[str] | None:
        """Names of the nodes that are there; `None` where we may not know."""
        if not self.knows_nodes:
            return None
        return frozenset(node["metadata"]["name"] for node in self.mirrors[NODE].all())

    def take(self, document: Document) -> bool:
        """An answer of the API server to a write of ours. False if it is no news, or no object."""
        kind = _kind(document)
        return kind is not None and self.mirrors[kind].take(document)

    def drop(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """It is gone by a write of ours."""
        gone = {"metadata": {"namespace": namespace, "name": name, "uid": uid}}
        self.mirrors[kind].drop(gone)


def _kind(document: Document) -> Kind | None:
    """`None` for a Status, which is what a DELETE may be answered with."""
    try:
        return kind_of(document)
    except KindUnknown:
        return None
