"""A drain of the whole process that was asked for, perhaps with a limit, and can be taken back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from voicemedia_server.service import DrainPolicy, SessionService
from voicemedia_server.sessions.refusals import Refusal, RefusalReason


class Leaving(Refusal):
    """The process ends, whatever is asked."""

    status = 409
    reason = RefusalReason.DRAINING
    title = "The server is leaving"


class Draining:
    """The one drain of a process; it owns the task that ends it. `now_unix_s` is wall-clock time,
    for those who ask when it ends."""

    def __init__(
        self, service: SessionService, now_unix_s: Callable[[], float] = time.time
    ) -> None:
        self._service = service
        self._now_unix_s = now_unix_s
        self._ending: asyncio.Task[None] | None = None
        self.ends_unix_s: float | None = None
        self._is_leaving = False

    def begin(self, policy: DrainPolicy | None = None) -> None:
        """Takes no new sessions. Live ones go on, with a policy up to its limit: then they are
        asked to move, and ended after its notice. Again with another policy changes the limit."""
        self._service.drain()
        if policy is None:
            return
        self._forget()
        self.ends_unix_s = self._now_unix_s() + policy.limit_s + policy.notice_s
        self._ending = asyncio.get_running_loop().create_task(self._service.drain_out(policy))

    def take_back(self) -> None:
        """Takes new sessions again, and ends none; those that were asked to move may have gone.

        Raises `Leaving` once the process leaves.
        """
        if self._is_leaving:
            raise Leaving("This server is leaving; it takes no new sessions any more.")
        self._forget()
        self._service.undrain()

    def _forget(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
        self._ending = self.ends_unix_s = None

    def leave(self) -> None:
        """From now on it cannot be taken back: the process ends."""
        self._is_leaving = True
        self.begin()

    async def close(self) -> None:
        """Ends the task."""
        ending = self._ending
        self._forget()
        if ending is not None:
            await asyncio.wait([ending])
