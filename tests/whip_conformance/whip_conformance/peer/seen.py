"""What a peer has seen come in: counters, and waiting until one of them says so."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from whip_conformance.peer.rtp import RtpPacket


@dataclass(slots=True)
class Seen:
    """Everything since the peer was made. `rtp_by_port` counts by our own local port."""

    datagrams: int = 0
    checks: int = 0
    successes: set[bytes] = field(default_factory=set)
    error_responses: int = 0
    handshake_records: int = 0
    packets: list[RtpPacket] = field(default_factory=list)
    rtcp: int = 0
    unopened: int = 0
    by_port: Counter[int] = field(default_factory=Counter)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        """Wakes whoever waits in `until`."""
        self._news.set()

    @property
    def media(self) -> int:
        """RTP and RTCP packets, also those that could not be opened."""
        return len(self.packets) + self.rtcp + self.unopened

    async def until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Waits until `holds()`; False when it did not within the time."""
        try:
            async with asyncio.timeout(within_s):
                while not holds():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return holds()
        return True

    async def quiet(self, for_s: float, within_s: float) -> bool:
        """Waits until nothing came for `for_s` seconds; False if it never was so quiet."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + within_s
        while loop.time() < end_s:
            before = self.datagrams
            if not await self.until(lambda: self.datagrams > before, for_s):  # noqa: B023 - awaited here
                return True
        return False
