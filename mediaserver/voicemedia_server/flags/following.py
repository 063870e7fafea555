"""Takes each document that a store gives; one that cannot be read is told and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from voicemedia_rollout.document import DocumentMalformed, read_document
from voicemedia_server.flags.evaluation import Flags, revision_of
from voicemedia_server.ports import FlagStore, FlagsUnavailable

log = structlog.get_logger("flags")

BEGIN_S = 1.0
"""How long a start may wait for the first document: Redis answers in milliseconds or is down."""


class FlagObserver(Protocol):
    """Is told of documents; implemented by `telemetry`."""

    def flags_taken(self, revision: int) -> None: ...

    def flags_refused(self) -> None: ...


class Following:
    """Between stores and the flags: first `begin`, then `follow` for good. Of several stores the
    newest revision counts; what a single one has counts as it is, also where somebody put an older
    document back."""

    def __init__(self, stores: Sequence[FlagStore], flags: Flags, observer: FlagObserver) -> None:
        self._stores = stores
        self._flags = flags
        self._observer = observer
        self._newest_counts = len(stores) > 1
        self._last: str | None = None
        self._is_untold = False

    async def begin(self, within_s: float = BEGIN_S) -> None:
        """Takes what the stores have now, so that the first caller is decided by it. Where one
        does not answer in time nothing is taken: calls matter more than flags."""
        async with asyncio.TaskGroup() as reads:
            for store in self._stores:
                reads.create_task(self._begin(store, within_s))

    async def _begin(self, store: FlagStore, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                text = await store.read()
        except (FlagsUnavailable, TimeoutError):
            log.warning("flags cannot be had at the start; it goes on without them")
            return
        if text is not None and self._is_wanted(text):
            self._is_untold = self._accept(text) or self._is_untold

    async def follow(self) -> None:
        """Takes each document that comes, until cancelled."""
        if self._is_untold:  # told only now: a start that fails says why, and nothing else
            self._is_untold = False
            log.info("flags", revision=self._flags.revision)
        async with asyncio.TaskGroup() as watches:
            for store in self._stores:
                watches.create_task(store.watch(self.take))

    def offer(self, text: str) -> bool:
        """A document came by another way; whether it was taken, being newer than the one in force.
        From then on the newest counts here. Raises `DocumentMalformed`."""
        read_document(text)
        if not self._is_newer(text):
            return False
        self._flags.take(text)
        self._newest_counts = True
        self._last = text
        self._accepted(text)
        log.info("flags", revision=self._flags.revision)
        return True

    def take(self, text: str) -> None:
        """A document came; the same one again is passed over."""
        if self._is_wanted(text) and self._accept(text):
            log.info("flags", revision=self._flags.revision)

    def _accept(self, text: str) -> bool:
        """Whether decisions go by this document now."""
        self._last = text
        try:
            self._flags.take(text)
        except DocumentMalformed as malformed:
            self._observer.flags_refused()
            log.warning("a flag document cannot be read; the last one counts", fault=str(malformed))
            return False
        self._accepted(text)
        return True

    def _accepted(self, text: str) -> None:
        self._observer.flags_taken(self._flags.revision)
        for store in self._stores:
            store.know(text)

    def _is_wanted(self, text: str) -> bool:
        """It is another one and, where that counts, newer."""
        if text == self._last or not self._newest_counts or self._flags.revision == 0:
            return text != self._last
        is_wanted = self._is_newer(text)
        if not is_wanted:
            log.warning("an older flag document is passed over", in_force=self._flags.revision)
        return is_wanted

    def _is_newer(self, text: str) -> bool:
        try:
            return revision_of(text) > self._flags.revision
        except DocumentMalformed:
            return True  # is told when it is taken
