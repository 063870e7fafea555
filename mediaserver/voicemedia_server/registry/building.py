"""Which registry a process has, by its settings."""

from __future__ import annotations

import secrets
import socket

from voicemedia_server.config.settings import Settings
from voicemedia_server.registry.connection import connect
from voicemedia_server.registry.flag_store import RedisFlagStore
from voicemedia_server.registry.membership import Membership
from voicemedia_server.registry.memory import MemoryRegistry
from voicemedia_server.registry.redis_registry import RedisRegistry
from voicemedia_server.registry_port import Registry, RegistryCounter


def membership_of(settings: Settings) -> Membership:
    """Who this process is. Without a name: the host's, and what nobody else has, since two
    processes may share a host."""
    name = settings.instance_id or f"{socket.gethostname()}-{secrets.token_hex(3)}"
    return Membership(settings.fleet, name, settings.fleet_max_sessions)


def make_registry(settings: Settings, counter: RegistryCounter) -> Registry:
    """In memory without `registry_url`, else in that Redis. Raises `WrongUrl`."""
    membership = membership_of(settings)
    if settings.registry_url is None:
        counter.registry_reachable(True)
        return MemoryRegistry(membership)
    return RedisRegistry(connect(settings.registry_url), membership, counter)


def make_flag_store(settings: Settings) -> RedisFlagStore | None:
    """The fleet's, in its Redis, if it has one. Raises `WrongUrl`."""
    if settings.registry_url is None:
        return None
    return RedisFlagStore(connect(settings.registry_url), settings.fleet)
