"""An API server for a test, and who asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from apiserver.twin import ApiServer, Calls, api_of, running_api_server
from voicemedia_operator.cluster.api import Api


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    """Empty."""
    async with running_api_server() as running:
        yield running


@pytest.fixture
def calls() -> Calls:
    """What was asked, counted as for metrics."""
    return Calls()


@pytest.fixture
async def api(server: ApiServer, calls: Calls) -> AsyncIterator[Api]:
    """A client of the server."""
    async with api_of(server, calls) as client:
        yield client
