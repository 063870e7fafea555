"""Gathers all that a plan needs to see of a resource: objects, pods' own words, secrets, flags."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from voicemedia_operator.cluster.mirror import ResourceKey
from voicemedia_operator.cluster.secret_shelf import Entries, SecretShelf
from voicemedia_operator.cluster.world import World
from voicemedia_operator.fleet.admin_ports import AdminPorts, Door
from voicemedia_operator.fleet.prometheus import Prometheus
from voicemedia_operator.fleet.redis_flags import RedisFlags
from voicemedia_operator.reconcile.names import (
    accepted_config_map,
    fleet_secret,
    tokens_secret,
)
from voicemedia_operator.reconcile.objects.config_maps import read_accepted
from voicemedia_operator.reconcile.objects.secret import given_secrets
from voicemedia_operator.reconcile.objects.settings import ADMIN_KEY
from voicemedia_operator.reconcile.observed import (
    Flags,
    Memo,
    ObjectKey,
    Observed,
    Pod,
    Resource,
)
from voicemedia_operator.reconcile.reading import read_pod
from voicemedia_operator.spec.media import ADMIN_PORT
from voicemedia_operator.spec.voice_media_server import Spec


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen, and what is needed to act on it: each pod's door, and where Redis is."""

    observed: Observed
    doors: Mapping[str, Door]
    fleet: str
    redis_url: str | None = None


@dataclass(frozen=True, slots=True)
class Observer:
    """Where it is gathered from."""

    world: World
    secrets: SecretShelf
    ports: AdminPorts
    flags: RedisFlags
    prometheus: Prometheus
    admin_port: int = ADMIN_PORT

    async def observe(self, resource: Resource, memo: Memo, now_unix_s: int) -> Sight:
        """Raises `ApiFailed` where secrets cannot be read; what else does not answer is seen as
        such."""
        key = ResourceKey(resource.namespace, resource.name)
        objects = self.world.objects(key)
        accepted = objects.get(ObjectKey("ConfigMap", accepted_config_map(resource.name)))
        spec = resource.spec or read_accepted(accepted)
        names = {fleet_secret(resource.name), tokens_secret(resource.name)}
        names |= {each.name for each in given_secrets(spec)} if spec else set()
        secrets = await self.secrets.read(resource.namespace, names)
        pods = [read_pod(document) for document in self.world.pods(key, resource.uid)]
        token = _text(secrets, fleet_secret(resource.name), ADMIN_KEY)
        doors = {pod.name: Door(pod.ip, token, self.admin_port) for pod in pods if pod.ip and token}
        url = _redis_url(spec, secrets)
        fleet = f"{resource.namespace}.{resource.name}"
        looked, flags, answers = await asyncio.gather(
            asyncio.gather(*(self._look(pod, doors) for pod in pods)),
            self._flags(spec, fleet, url),
            self._answers(spec, memo, now_unix_s),
        )
        observed = Observed(
            pods=tuple(looked),
            objects=objects,
            secrets={name: frozenset(entries) for name, entries in secrets.items()},
            flags=flags,
            kinds=self.world.optional,
            nodes=self.world.nodes(),
            answers=answers,
            memo=memo,
        )
        return Sight(observed, doors, fleet, url)

    async def _look(self, pod: Pod, doors: Mapping[str, Door]) -> Pod:
        """With what it says of itself, if its container runs."""
        door = doors.get(pod.name)
        if door is None or not pod.is_running:
            return pod
        return dataclasses.replace(pod, instance=await self.ports.look(door))

    async def _flags(self, spec: Spec | None, fleet: str, url: str | None) -> Flags | None:
        """A registry whose address is missing cannot be reached."""
        if spec is None or spec.registry.url_secret_ref is None:
            return None
        return await self.flags.read(fleet, url) if url else Flags(is_reachable=False)

    async def _answers(self, spec: Spec | None, memo: Memo, now_unix_s: int) -> dict[str, float]:
        """Asked only when a check is due."""
        analysis = spec.rollout.analysis if spec else None
        if analysis is None or not analysis.enabled or not analysis.prometheus_url:
            return {}
        if now_unix_s - memo.checked_unix_s < analysis.interval_s:
            return {}
        queries = {each.name: each.query for each in analysis.queries}
        return await self.prometheus.ask(analysis.prometheus_url, queries)


def _text(secrets: Mapping[str, Entries], name: str, key: str) -> str | None:
    content = secrets.get(name, {}).get(key)
    return None if content is None else content.decode(errors="replace").strip()


def _redis_url(spec: Spec | None, secrets: Mapping[str, Entries]) -> str | None:
    named = spec.registry.url_secret_ref if spec else None
    return None if named is None else _text(secrets, named.name, named.key)
