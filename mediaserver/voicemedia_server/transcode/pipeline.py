"""One session's packets on their way through a worker: tap, bounded queue, worker, inlet.

Everything here runs on the event loop's thread; only `Reencoding.run` does not, and there is
never more than one batch of a session in work, so nothing needs a lock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Protocol

from voicemedia_server.ports import DecoderCounts, PeerId, Tap
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.transcode.reencoding import Batch, Outcome

BATCH_PACKETS = 4
"""Packets of one session that a worker takes at a time, so that a busy one delays others little."""
HOLD_S = 0.06
"""So long packets wait for an older one when nothing else comes: as long as three packets last."""


class SpeakerPlane(Protocol):
    """What this room needs of the packet plane."""

    def add_tap(self, speaker: PeerId, tap: Tap) -> None: ...

    def send_inlet(self, speaker: PeerId, packet: bytes) -> None: ...

    def hold_relay(self, speaker: PeerId, *, is_held: bool) -> None: ...

    def count_drop(self, reason: DropReason, peer_id: PeerId | None = None) -> None: ...


class Pipeline:
    """The queue of one session. Full, it drops the oldest packet and counts it: old sound is of
    no use, and what is missing is concealed."""

    def __init__(
        self,
        peer_id: PeerId,
        plane: SpeakerPlane,
        run: Callable[[Batch], Outcome],
        workers: Executor,
        queue_packets: int,
    ) -> None:
        self._peer_id = peer_id
        self._plane = plane
        self._run = run
        self._workers = workers
        self._waiting: deque[bytes] = deque()
        self._queue_packets = queue_packets
        self._hold_timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._in_work: asyncio.Future[Outcome] | None = None
        self.counts = DecoderCounts()
        self.packets_encoded = 0
        self.on_failure: Callable[[BaseException], None] | None = None

    def put(self, packet: bytes) -> None:
        """The tap: takes a packet of the session."""
        if self._is_closed:
            return
        if len(self._waiting) == self._queue_packets:
            self._waiting.popleft()
            self._plane.count_drop(DropReason.TRANSCODE_BACKLOG, self._peer_id)
        self._waiting.append(packet)
        self._stop_holding()
        if self._in_work is None:
            self._begin(is_last=False)

    def _stop_holding(self) -> None:
        if self._hold_timer is not None:
            self._hold_timer.cancel()
            self._hold_timer = None

    def _begin(self, *, is_last: bool) -> None:
        count = min(BATCH_PACKETS, len(self._waiting))
        batch = Batch([self._waiting.popleft() for _ in range(count)], is_last)
        loop = asyncio.get_running_loop()
        self._in_work = loop.run_in_executor(self._workers, self._run, batch)
        self._in_work.add_done_callback(self._done)

    def _done(self, work: asyncio.Future[Outcome]) -> None:
        self._in_work = None
        if self._is_closed:
            if not work.cancelled():
                work.exception()  # nobody is there any more whom it could concern
            return
        failure = work.exception()
        if failure is not None:
            if self.on_failure is not None:
                self.on_failure(failure)
            return
        outcome = work.result()
        for packet in outcome.packets:
            self._plane.send_inlet(self._peer_id, packet)
        self.packets_encoded += len(outcome.packets)
        self._take_counts(outcome.counts)
        if self._waiting:
            self._begin(is_last=False)
        elif outcome.is_holding:
            loop = asyncio.get_running_loop()
            self._hold_timer = loop.call_later(HOLD_S, self._give_up_waiting)

    def _give_up_waiting(self) -> None:
        self._hold_timer = None
        self._begin(is_last=True)

    def _take_counts(self, counts: DecoderCounts) -> None:
        for _ in range(counts.malformed - self.counts.malformed):
            self._plane.count_drop(DropReason.RTP_MALFORMED, self._peer_id)
        for _ in range(counts.foreign - self.counts.foreign):
            self._plane.count_drop(DropReason.RTP_UNKNOWN_PAYLOAD_TYPE, self._peer_id)
        self.counts = replace(counts)

    def close(self) -> asyncio.Future[Outcome] | None:
        """Takes and sends nothing more. Returns the work that still runs, if any."""
        self._is_closed = True
        self._waiting.clear()
        self._stop_holding()
        return self._in_work
