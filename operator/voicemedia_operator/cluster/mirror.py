"""A copy of the objects that the API server has, as far as was heard of them. Pure.

Own writes are taken in at once, so that who looks again sees them before the watch tells; what is
older than what is here is passed over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from voicemedia_operator.cluster.kinds import Document
from voicemedia_operator.reconcile.names import Label


@dataclass(frozen=True, slots=True)
class ResourceKey:
    """Names a VoiceMediaServer."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def resource_of(document: Document) -> ResourceKey:
    """The resource that an object is for: by its label, else one of its own name."""
    metadata = document["metadata"]
    name = metadata.get("labels", {}).get(Label.RESOURCE, metadata["name"])
    return ResourceKey(metadata.get("namespace", ""), name)


class Mirror:
    """The objects of one kind."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], Document] = {}
        self._named: defaultdict[ResourceKey, set[tuple[str, str]]] = defaultdict(set)

    def get(self, namespace: str, name: str) -> Document | None:
        """One of them."""
        return self._objects.get((namespace, name))

    def of(self, resource: ResourceKey) -> Iterator[Document]:
        """Those that are for a resource, by name."""
        for place in sorted(self._named.get(resource, ())):
            yield self._objects[place]

    def all(self) -> Iterator[Document]:
        """All of them."""
        yield from self._objects.values()

    def take(self, document: Document) -> bool:
        """An object as it is now. False if it is no news."""
        place = _place(document)
        before = self._objects.get(place)
        if before is not None and version_of(before) >= version_of(document):
            return False
        self._remove(place)
        self._objects[place] = _lean(document)
        self._named[resource_of(document)].add(place)
        return True

    def drop(self, document: Document) -> bool:
        """An object that is gone. False if it was not here, or another took its name."""
        place = _place(document)
        before = self._objects.get(place)
        if before is None or before["metadata"]["uid"] != document["metadata"]["uid"]:
            return False
        self._remove(place)
        return True

    def replace(
        self, documents: Iterable[Document], version: int, namespace: str | None
    ) -> set[ResourceKey]:
        """All there are, in a namespace or (`None`) everywhere, as of a version: others are gone,
        but for those that are younger. Returns the resources for which there is news."""
        changed = set()
        listed = set()
        for document in documents:
            listed.add(_place(document))
            if self.take(document):
                changed.add(resource_of(document))
        for place in set(self._objects) - listed:
            document = self._objects[place]
            is_asked = namespace is None or place[0] == namespace
            if is_asked and version_of(document) <= version:
                changed.add(resource_of(document))
                self._remove(place)
        return changed

    def _remove(self, place: tuple[str, str]) -> None:
        before = self._objects.pop(place, None)
        if before is None:
            return
        resource = resource_of(before)
        self._named[resource].discard(place)
        if not self._named[resource]:
            del self._named[resource]


def version_of(document: Document) -> int:
    """They can be compared as numbers (Kubernetes, "Resource versions", since 1.35)."""
    return int(document["metadata"]["resourceVersion"])


def _lean(document: Document) -> Document:
    """Without the list of who wrote which field: it is nothing to us, and half of the memory."""
    metadata = {k: v for k, v in document["metadata"].items() if k != "managedFields"}
    return {**document, "metadata": metadata}


def _place(document: Document) -> tuple[str, str]:
    metadata = document["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
