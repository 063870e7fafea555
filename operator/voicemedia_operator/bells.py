"""Wakes loops: whoever has news of a resource rings, and what rang while a loop was busy is heard
when it waits again."""

from __future__ import annotations

import asyncio
import time

from voicemedia_operator.cluster.mirror import ResourceKey


class Bell:
    """Of one resource."""

    def __init__(self) -> None:
        self._rings = asyncio.Event()
        self._since_s: float | None = None

    def ring(self) -> None:
        """There is news."""
        if self._since_s is None:
            self._since_s = time.monotonic()
        self._rings.set()

    async def wait(self, pause_s: float) -> float:
        """When it rang, or after the pause. Returns seconds since it rang, 0 if it did not."""
        try:
            async with asyncio.timeout(max(0.0, pause_s)):
                await self._rings.wait()
        except TimeoutError:
            return 0.0
        self._rings.clear()
        since_s, self._since_s = self._since_s, None
        return 0.0 if since_s is None else time.monotonic() - since_s


class Bells:
    """Of all resources that have a loop."""

    def __init__(self) -> None:
        self._bells: dict[ResourceKey, Bell] = {}

    def hang(self, key: ResourceKey) -> None:
        """For a loop that begins; its first wait ends at once."""
        self._bells[key] = Bell()
        self._bells[key].ring()

    def of(self, key: ResourceKey) -> Bell:
        """One that hangs. Raises `KeyError`."""
        return self._bells[key]

    def take_down(self, key: ResourceKey) -> None:
        """Its loop is over."""
        self._bells.pop(key, None)

    def ring(self, key: ResourceKey) -> None:
        """There is news of this resource; nothing happens where it has no loop."""
        if bell := self._bells.get(key):
            bell.ring()

    def ring_all(self) -> None:
        """There is news for all of them."""
        for bell in self._bells.values():
            bell.ring()
