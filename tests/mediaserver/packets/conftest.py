"""Planes that run for the length of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mediaserver.packets.builders import Scene, a_scene
from voicemedia_server.packets.python_plane import PlaneSettings


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """A plane on 127.0.0.1, UDP only."""
    async with a_scene() as running:
        yield running


@pytest.fixture
async def tcp_scene() -> AsyncIterator[Scene]:
    """A plane on 127.0.0.1 with ICE-TCP."""
    async with a_scene(PlaneSettings("127.0.0.1", 0)) as running:
        yield running
