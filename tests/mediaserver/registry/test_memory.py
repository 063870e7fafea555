"""The registry in memory keeps the contract, by a clock of its own."""

from __future__ import annotations

import pytest

from mediaserver.registry.conftest import Make
from mediaserver.registry.contract import RegistryContract, a_record
from voicemedia_server.audit import CAPACITY_ENTRIES, Happening, SessionFacts
from voicemedia_server.registry.membership import Membership
from voicemedia_server.registry.memory import MemoryDirectory, MemoryRegistry


class TestMemory(RegistryContract):
    @pytest.fixture
    def make(self) -> Make:
        directory = MemoryDirectory()
        return lambda membership: MemoryRegistry(membership, directory)


async def test_the_audit_is_bounded_and_the_oldest_go() -> None:
    registry = MemoryRegistry(Membership("test", "one"))
    for number in range(CAPACITY_ENTRIES + 3):
        registry.note(Happening.OPENED, SessionFacts(str(number)))

    found = await registry.audit(limit=CAPACITY_ENTRIES + 3)

    assert len(found) == CAPACITY_ENTRIES
    assert found[0].entry.session == SessionFacts("3")


async def test_alone_it_is_reachable_at_once() -> None:
    registry = MemoryRegistry(Membership("test", "one"))
    await registry.claim(a_record())

    assert registry.is_reachable
    assert await registry.sessions() == (a_record(),)
