"""Fixtures of the WebSocket tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mediaserver.websocket.builders import World, a_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """An endpoint that runs, open to all."""
    async with a_world() as running:
        yield running
