"""Takes each document that a store gives; one that cannot be read is told and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import structlog

from voicemedia_rollout.document import DocumentMalformed
from voicemedia_server.flags.evaluation import Flags

log = structlog.get_logger("flags")


class FlagObserver(Protocol):
    """Is told of documents; implemented by `telemetry`."""

    def flags_taken(self, revision: int) -> None: ...

    def flags_refused(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Following:
    """Between a store and the flags."""

    flags: Flags
    observer: FlagObserver

    def take(self, text: str) -> None:
        """A document came."""
        try:
            self.flags.take(text)
        except DocumentMalformed as malformed:
            self.observer.flags_refused()
            log.warning("a flag document cannot be read; the last one counts", fault=str(malformed))
            return
        self.observer.flags_taken(self.flags.revision)
        log.info("flags", revision=self.flags.revision)
