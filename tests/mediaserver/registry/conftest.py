"""Fleets of whatever registry a test class makes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from mediaserver.registry.contract import Fleet
from voicemedia_server.registry.membership import Membership
from voicemedia_server.registry_port import Registry

Make = Callable[[Membership], Registry]


@pytest.fixture
async def fleet(make: Make) -> AsyncIterator[Fleet]:
    """Without a limit."""
    made = Fleet(make)
    yield made
    await made.close()


@pytest.fixture
async def limited(make: Make) -> AsyncIterator[Fleet]:
    """Of two sessions."""
    made = Fleet(make, max_sessions=2)
    yield made
    await made.close()


@pytest.fixture
async def short_leased(make: Make) -> AsyncIterator[Fleet]:
    """Whose leases end soon."""
    made = Fleet(make, lease_s=0.3)
    yield made
    await made.close()
