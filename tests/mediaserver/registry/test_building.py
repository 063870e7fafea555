"""Which registry the settings choose."""

from __future__ import annotations

import pytest

from mediaserver.registry.contract import Counted
from voicemedia_server.config.settings import Settings
from voicemedia_server.registry.building import make_registry, membership_of
from voicemedia_server.registry.connection import WrongUrl
from voicemedia_server.registry.memory import MemoryRegistry
from voicemedia_server.registry.redis_registry import RedisRegistry


async def test_without_a_url_it_is_in_memory_and_reachable() -> None:
    counted = Counted()

    registry = make_registry(Settings(), counted)

    assert isinstance(registry, MemoryRegistry)
    assert counted.is_reachable


async def test_with_a_url_it_is_in_redis() -> None:
    registry = make_registry(Settings(registry_url="redis://localhost"), Counted())

    assert isinstance(registry, RedisRegistry)
    await registry.leave()


def test_a_url_that_is_none_is_told() -> None:
    with pytest.raises(WrongUrl):
        make_registry(Settings(registry_url="http://localhost"), Counted())


def test_two_processes_of_one_host_have_two_names() -> None:
    names = {membership_of(Settings()).instance for _ in range(10)}

    assert len(names) == 10


def test_a_name_that_is_given_is_taken_as_it_is() -> None:
    membership = membership_of(Settings(instance_id="pod-1", fleet="calls", fleet_max_sessions=7))

    assert (membership.instance, membership.fleet, membership.max_sessions) == ("pod-1", "calls", 7)
