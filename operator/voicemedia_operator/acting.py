"""Carries out what a plan says: each action by itself, so that one that fails stops no other."""

from __future__ import annotations

import base64
import contextlib
import copy
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.errors import ApiFailed, Conflict, NotFound
from voicemedia_operator.cluster.kinds import (
    EVENT,
    POD,
    VOICE_MEDIA_SERVER,
    Document,
    Kind,
    kind_named,
)
from voicemedia_operator.cluster.mirror import ResourceKey
from voicemedia_operator.cluster.secret_shelf import SecretShelf
from voicemedia_operator.cluster.world import World
from voicemedia_operator.fleet.admin_ports import AdminPorts, PodSilent
from voicemedia_operator.fleet.redis_flags import FlagsUnwritten, RedisFlags
from voicemedia_operator.observing import Sight
from voicemedia_operator.reconcile import actions as do
from voicemedia_operator.reconcile.names import FINALIZER, OPERATOR
from voicemedia_operator.reconcile.observed import Resource
from voicemedia_operator.spec.status import Status
from voicemedia_operator.spec.voice_media_server import API_VERSION, KIND

log = structlog.get_logger("acting")

STATUS_MANAGER = f"{OPERATOR}-status"
MAX_NOTE_CHARS = 1024


class ActionCounter(Protocol):
    """Told of each action."""

    def acted(self, action: str, is_done: bool) -> None:
        """`action` is the name of its class."""


@dataclass(frozen=True, slots=True)
class Failures:
    """What did not work of a plan. `is_heavy`: the API server had no time, so that who asks again
    at once makes it worse."""

    count: int = 0
    is_heavy: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """By what it is carried out. `identity` stands in Events for this operator."""

    api: Api
    world: World
    shelf: SecretShelf
    ports: AdminPorts
    flags: RedisFlags
    counter: ActionCounter
    identity: str

    async def act(self, resource: Resource, sight: Sight, plan: do.Plan) -> Failures:
        """All actions in their order, then the status, then Events about it. Events come last: one
        whose turn was not written down would be told again."""
        count, is_heavy = 0, False
        for action in plan.actions:
            failure = await self._try(type(action).__name__, self._do(resource, sight, action))
            count += failure is not None
            is_heavy |= failure is not None and _is_heavy(failure)
        is_free = any(isinstance(action, do.RemoveFinalizer) for action in plan.actions)
        if is_free and not count:
            return Failures()
        if plan.status != resource.status:
            failure = await self._try("Status", self._write_status(resource, plan.status))
            if failure is not None:
                return Failures(count + 1, is_heavy or _is_heavy(failure))
        for event in plan.events:
            await self._try("Event", self._tell(resource, event))
        return Failures(count, is_heavy)

    async def _try(self, name: str, doing: Any) -> Exception | None:
        """What kept it from being done, logged and counted."""
        try:
            await doing
        except (ApiFailed, PodSilent, FlagsUnwritten) as failure:
            self.counter.acted(name, False)
            log.warning("an action failed and is planned again", action=name, why=str(failure))
            return failure
        self.counter.acted(name, True)
        return None

    async def _do(self, resource: Resource, sight: Sight, action: do.Action) -> None:
        namespace = resource.namespace
        match action:
            case do.Apply(manifest):
                await self._apply(namespace, manifest)
            case do.Delete(key, uid):
                await self._delete(kind_named(key.kind), namespace, key.name, uid)
            case do.MakeSecret(manifest, random_bytes):
                await self._make_secret(namespace, manifest, random_bytes)
            case do.CreatePod(manifest):
                await self._create(_in(namespace, manifest))
            case do.DeletePod(name, uid):
                await self._delete(POD, namespace, name, uid)
            case do.Mark(name, uid, labels, annotations):
                metadata = {"uid": uid, "labels": dict(labels), "annotations": dict(annotations)}
                found = await self.api.merge(POD, namespace, name, {"metadata": metadata})
                self.world.take(found)
            case do.Drain(name, _, limit_s, notice_s):
                if name in sight.doors:
                    await self.ports.drain(sight.doors[name], limit_s, notice_s)
            case do.Undrain(name):
                if name in sight.doors:
                    await self.ports.undrain(sight.doors[name])
            case do.PutFlags(name, _, document):
                if name in sight.doors:
                    await self.ports.put_flags(sight.doors[name], document)
            case do.PublishFlags(revision, document):
                if sight.redis_url:
                    await self.flags.publish(sight.fleet, sight.redis_url, revision, document)
            case do.AddFinalizer():
                with contextlib.suppress(Conflict):  # kopf is at it, too
                    await self._set_finalizer(resource, is_there=True)
            case do.RemoveFinalizer():
                await self._set_finalizer(resource, is_there=False)

    async def _apply(self, namespace: str, manifest: Mapping[str, Any]) -> None:
        self.world.take(await self.api.apply(_in(namespace, manifest), OPERATOR))

    async def _create(self, document: Document) -> None:
        """One of that name that is there already stays as it is."""
        try:
            self.world.take(await self.api.create(document))
        except Conflict:
            return

    async def _make_secret(
        self, namespace: str, manifest: Mapping[str, Any], random_bytes: Mapping[str, int]
    ) -> None:
        document = _in(namespace, manifest)
        document["data"] = {
            key: base64.b64encode(secrets.token_urlsafe(size).encode()).decode()
            for key, size in random_bytes.items()
        }
        with contextlib.suppress(Conflict):  # somebody was faster, or we before a crash
            await self.api.create(document)
        self.shelf.forget(namespace, document["metadata"]["name"])

    async def _delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """One that is gone, or took the name since, is no failure."""
        try:
            found = await self.api.delete(kind, namespace, name, uid)
        except (NotFound, Conflict):
            return
        if found.get("kind") == kind.name:
            self.world.take(found)
        else:
            self.world.drop(kind, namespace, name, uid)

    async def _set_finalizer(self, resource: Resource, *, is_there: bool) -> None:
        """What others have put there stays; a change meanwhile is a conflict."""
        key = ResourceKey(resource.namespace, resource.name)
        known = self.world.resource(key)
        if known is None:
            return
        kept = [each for each in known["metadata"].get("finalizers", ()) if each != FINALIZER]
        metadata = {
            "uid": resource.uid,
            "resourceVersion": known["metadata"]["resourceVersion"],
            "finalizers": [*kept, FINALIZER] if is_there else kept,
        }
        patch = {"metadata": metadata}
        try:
            found = await self.api.merge(VOICE_MEDIA_SERVER, key.namespace, key.name, patch)
        except NotFound:
            self.world.drop(VOICE_MEDIA_SERVER, key.namespace, key.name, resource.uid)
            return
        if found["metadata"].get("deletionTimestamp") and not kept and not is_there:
            self.world.drop(VOICE_MEDIA_SERVER, key.namespace, key.name, resource.uid)
        else:
            self.world.take(found)

    async def _write_status(self, resource: Resource, status: Status) -> None:
        """As a field manager of its own, which owns all of it."""
        document = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {
                "name": resource.name,
                "namespace": resource.namespace,
                "uid": resource.uid,
            },
            "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        try:
            self.world.take(await self.api.apply(document, STATUS_MANAGER, "status"))
        except NotFound:
            self.world.drop(VOICE_MEDIA_SERVER, resource.namespace, resource.name, resource.uid)

    async def _tell(self, resource: Resource, event: do.Event) -> None:
        await self.api.create(event_document(resource, event, self.identity, datetime.now(UTC)))


def event_document(resource: Resource, event: do.Event, identity: str, now: datetime) -> Document:
    """An Event of Kubernetes (events.k8s.io/v1) about the resource."""
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {"generateName": f"{resource.name}-", "namespace": resource.namespace},
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": "Warning" if event.is_warning else "Normal",
        "reason": event.reason,
        "note": event.message[:MAX_NOTE_CHARS],
        "action": "Reconcile",
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": resource.namespace,
            "name": resource.name,
            "uid": resource.uid,
        },
        "reportingController": "voicemedia.dev/operator",
        "reportingInstance": identity,
    }


def _in(namespace: str, manifest: Mapping[str, Any]) -> Document:
    """A copy of ours, in the resource's namespace."""
    document: Document = copy.deepcopy(dict(manifest))
    document["metadata"]["namespace"] = namespace
    return document


def _is_heavy(failure: Exception) -> bool:
    return isinstance(failure, ApiFailed) and (
        failure.code in ("timeout", "unreachable", "429") or failure.code.startswith("5")
    )
