"""What to do: a plan is a list of these, in order.

Each may fail or be lost: nothing is remembered, the next plan sees what is missing and repeats it.
Whoever carries them out goes on with the others when one fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voicemedia_operator.reconcile.observed import Document, Memo, ObjectKey
from voicemedia_operator.spec.status import Status


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply of an object, by force, as the operator's own field manager."""

    manifest: Document


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletes an object that is not a pod, if it still is the one with this `uid`."""

    key: ObjectKey
    uid: str


@dataclass(frozen=True, slots=True)
class MakeSecret:
    """Creates a Secret, with a random text that is made of so many bytes under each key of
    `random_bytes`. One that is there already stays as it is (409)."""

    manifest: Document
    random_bytes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CreatePod:
    """Creates a pod. One of that name that is there already stays as it is (409)."""

    manifest: Document


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Deletes a pod, if it still is the one with this `uid` (a precondition)."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Merge patch of a pod's labels and annotations, `uid` among the metadata as a precondition;
    `None` takes one away."""

    name: str
    uid: str
    labels: Mapping[str, str | None]
    annotations: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Drain:
    """`POST /drain` on the pod. With `limit_s` live sessions are moved after so many seconds, and
    ended `notice_s` later; without, they go on."""

    name: str
    uid: str
    limit_s: int | None = None
    notice_s: int | None = None


@dataclass(frozen=True, slots=True)
class Undrain:
    """`POST /undrain` on the pod."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class PutFlags:
    """`PUT /flags` on the pod."""

    name: str
    uid: str
    document: str


@dataclass(frozen=True, slots=True)
class PublishFlags:
    """Writes the flag document to Redis and publishes it, in place of one with a lower revision."""

    revision: int
    document: str


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Adds ours to the resource."""


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """Takes ours off the resource: it may go."""


Action = (
    Apply
    | Delete
    | MakeSecret
    | CreatePod
    | DeletePod
    | Mark
    | Drain
    | Undrain
    | PutFlags
    | PublishFlags
    | AddFinalizer
    | RemoveFinalizer
)


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes Event about the resource, when a condition turned or the share changed."""

    is_warning: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, and what was seen. `again_unix_s`: plan again then at the latest, whatever
    happens; `None` where only a change can give reason."""

    actions: tuple[Action, ...]
    status: Status
    events: tuple[Event, ...] = ()
    again_unix_s: int | None = None
    memo: Memo = field(default_factory=Memo)
