"""A session's packets pass through a worker in order; full, the queue gives up the oldest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from voicemedia_server.ports import DecoderCounts, PeerId, Tap
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.transcode.pipeline import BATCH_PACKETS, Pipeline
from voicemedia_server.transcode.reencoding import Batch, Outcome

PEER = PeerId(7)
QUEUE_PACKETS = 6


class PlaneLedger:
    """A plane that writes down what it is asked, and tells when so many packets were sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.drops: list[tuple[DropReason, PeerId | None]] = []
        self.taps: list[Tap] = []
        self.is_held = False
        self._arrived = asyncio.Condition()
        self._notices: set[asyncio.Task[None]] = set()

    def add_tap(self, speaker: PeerId, tap: Tap) -> None:
        self.taps.append(tap)

    def hold_relay(self, speaker: PeerId, *, is_held: bool) -> None:
        self.is_held = is_held

    def count_drop(self, reason: DropReason, peer_id: PeerId | None = None) -> None:
        self.drops.append((reason, peer_id))

    def send_inlet(self, speaker: PeerId, packet: bytes) -> None:
        self.sent.append(packet)
        notice = asyncio.get_running_loop().create_task(self._notify())
        self._notices.add(notice)
        notice.add_done_callback(self._notices.discard)

    async def _notify(self) -> None:
        async with self._arrived:
            self._arrived.notify_all()

    async def has_sent(self, count: int) -> list[bytes]:
        """Waits for so many packets."""
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: len(self.sent) >= count)
        return self.sent


class Work:
    """Says each packet in capitals; stands still while its gate is shut."""

    def __init__(self) -> None:
        self.gate = Event()
        self.gate.set()
        self.batches: list[Batch] = []
        self.counts = DecoderCounts()
        self.is_holding = False

    def run(self, batch: Batch) -> Outcome:
        self.gate.wait(10)
        self.batches.append(batch)
        if b"broken" in batch.packets:
            raise RuntimeError("a fault of ours")
        return Outcome([p.upper() for p in batch.packets], self.counts, self.is_holding)


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    """Two threads, as the room has."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


def a_pipeline(plane: PlaneLedger, work: Work, workers: ThreadPoolExecutor) -> Pipeline:
    return Pipeline(PEER, plane, work.run, workers, QUEUE_PACKETS)


async def test_packets_go_through_in_order(workers: ThreadPoolExecutor) -> None:
    plane, work = PlaneLedger(), Work()
    pipeline = a_pipeline(plane, work, workers)

    for name in (b"a", b"b", b"c"):
        pipeline.put(name)

    assert await plane.has_sent(3) == [b"A", b"B", b"C"]
    assert pipeline.packets_encoded == 3


async def test_a_full_queue_drops_its_oldest_packet_and_counts_it_for_the_session(
    workers: ThreadPoolExecutor,
) -> None:
    plane, work = PlaneLedger(), Work()
    pipeline = a_pipeline(plane, work, workers)
    work.gate.clear()

    pipeline.put(b"in work")
    for number in range(QUEUE_PACKETS + 2):
        pipeline.put(b"%d" % number)
    work.gate.set()

    assert await plane.has_sent(1 + QUEUE_PACKETS) == [
        b"IN WORK",
        *(b"234567"[n : n + 1] for n in range(6)),
    ]
    assert plane.drops == [(DropReason.TRANSCODE_BACKLOG, PEER)] * 2


async def test_a_worker_takes_a_few_packets_at_a_time(workers: ThreadPoolExecutor) -> None:
    plane, work = PlaneLedger(), Work()
    pipeline = a_pipeline(plane, work, workers)
    work.gate.clear()

    for _ in range(1 + QUEUE_PACKETS):
        pipeline.put(b"x")
    work.gate.set()
    await plane.has_sent(1 + QUEUE_PACKETS)

    assert [len(batch.packets) for batch in work.batches] == [1, BATCH_PACKETS, 2]


async def test_one_session_that_stands_still_does_not_stop_another(
    workers: ThreadPoolExecutor,
) -> None:
    plane, stuck, free = PlaneLedger(), Work(), Work()
    stuck.gate.clear()

    a_pipeline(plane, stuck, workers).put(b"stuck")
    a_pipeline(plane, free, workers).put(b"free")

    assert await plane.has_sent(1) == [b"FREE"]
    stuck.gate.set()
    await plane.has_sent(2)


async def test_packets_that_are_held_back_are_asked_for_when_nothing_comes(
    workers: ThreadPoolExecutor,
) -> None:
    plane, work = PlaneLedger(), Work()
    work.is_holding = True
    pipeline = a_pipeline(plane, work, workers)

    pipeline.put(b"a")
    await plane.has_sent(1)
    async with asyncio.timeout(10):
        while not work.batches[-1].is_last:  # noqa: ASYNC110  # a thread's list has no event
            await asyncio.sleep(0.001)

    assert work.batches[-1] == Batch([], is_last=True)
    pipeline.close()


async def test_what_was_malformed_or_foreign_is_counted_as_dropped(
    workers: ThreadPoolExecutor,
) -> None:
    plane, work = PlaneLedger(), Work()
    work.counts = DecoderCounts(malformed=1, foreign=2)
    pipeline = a_pipeline(plane, work, workers)

    for count in (1, 2):
        pipeline.put(b"x")
        await plane.has_sent(count)

    assert [reason for reason, _ in plane.drops] == [
        DropReason.RTP_MALFORMED,
        DropReason.RTP_UNKNOWN_PAYLOAD_TYPE,
        DropReason.RTP_UNKNOWN_PAYLOAD_TYPE,
    ]


async def test_nothing_is_sent_after_closing(workers: ThreadPoolExecutor) -> None:
    plane, work = PlaneLedger(), Work()
    pipeline = a_pipeline(plane, work, workers)
    work.gate.clear()
    pipeline.put(b"in work")
    pipeline.put(b"waiting")

    running = pipeline.close()
    pipeline.put(b"too late")
    work.gate.set()
    assert running is not None
    await asyncio.wait([running])
    await asyncio.sleep(0)  # its callbacks have run then

    assert plane.sent == []
    assert len(work.batches) == 1


async def test_a_fault_is_told_once_and_nothing_else_breaks(workers: ThreadPoolExecutor) -> None:
    plane, work = PlaneLedger(), Work()
    pipeline = a_pipeline(plane, work, workers)
    told: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    pipeline.on_failure = told.set_result

    pipeline.put(b"broken")

    assert isinstance(await asyncio.wait_for(told, 10), RuntimeError)
