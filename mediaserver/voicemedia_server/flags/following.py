"""Takes each document that a store gives; one that cannot be read is told and changes nothing."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from voicemedia_rollout.document import DocumentMalformed
from voicemedia_server.flags.evaluation import Flags
from voicemedia_server.ports import FlagStore, FlagsUnavailable

log = structlog.get_logger("flags")

BEGIN_S = 1.0
"""How long a start may wait for the first document: Redis answers in milliseconds or is down."""


class FlagObserver(Protocol):
    """Is told of documents; implemented by `telemetry`."""

    def flags_taken(self, revision: int) -> None: ...

    def flags_refused(self) -> None: ...


class Following:
    """Between a store and the flags: first `begin`, then `follow` for good."""

    def __init__(self, store: FlagStore, flags: Flags, observer: FlagObserver) -> None:
        self._store = store
        self._flags = flags
        self._observer = observer
        self._last: str | None = None

    async def begin(self, within_s: float = BEGIN_S) -> None:
        """Takes what the store has now, so that the first caller is decided by it. Where it does
        not answer in time nothing is taken: calls matter more than flags."""
        try:
            async with asyncio.timeout(within_s):
                text = await self._store.read()
        except (FlagsUnavailable, TimeoutError):
            log.warning("flags cannot be had at the start; it goes on without them")
            return
        if text is not None:
            self.take(text)

    async def follow(self) -> None:
        """Takes each document that comes, until cancelled."""
        await self._store.watch(self.take)

    def take(self, text: str) -> None:
        """A document came; the same one again is passed over."""
        if text == self._last:
            return
        self._last = text
        try:
            self._flags.take(text)
        except DocumentMalformed as malformed:
            self._observer.flags_refused()
            log.warning("a flag document cannot be read; the last one counts", fault=str(malformed))
            return
        self._observer.flags_taken(self._flags.revision)
        log.info("flags", revision=self._flags.revision)
