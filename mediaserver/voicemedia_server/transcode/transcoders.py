"""All transcoded sessions of the process, and the threads that work for them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import structlog

from voicemedia_server.ports import DecoderCounts, PeerId, TranscodeReading
from voicemedia_server.sessions.offer import Codec
from voicemedia_server.sessions.refusals import AtCapacity
from voicemedia_server.transcode.encoder import RtpStart
from voicemedia_server.transcode.libopus import load_libopus
from voicemedia_server.transcode.pipeline import Pipeline, SpeakerPlane
from voicemedia_server.transcode.reencoding import Outcome, Reencoding

log = structlog.get_logger("transcode")

RETRY_AFTER_S = 10


@dataclass(frozen=True, slots=True)
class TranscodeLimits:
    """How many sessions may ask for it; how many packets of each may wait; how many threads."""

    max_sessions: int = 16
    queue_packets: int = 16
    threads: int = 2


class Transcoders:
    """Opens and ends the transcoding of sessions. Called on the event loop's thread only.

    Raises `LibopusMissing` at once where there is none, unless `max_sessions` is 0.
    """

    def __init__(self, plane: SpeakerPlane, limits: TranscodeLimits) -> None:
        if limits.max_sessions:
            load_libopus()
        self._plane = plane
        self._limits = limits
        self._workers = ThreadPoolExecutor(limits.threads, thread_name_prefix="transcode")
        self._pipelines: dict[PeerId, Pipeline] = {}
        self._ending: set[asyncio.Future[Outcome]] = set()
        self._ended = DecoderCounts()
        self._ended_encoded = 0
        self._failures = 0

    def check_room(self) -> None:
        """Raises `AtCapacity` when no further session can be transcoded."""
        if len(self._pipelines) >= self._limits.max_sessions:
            raise AtCapacity(
                f"All {self._limits.max_sessions} places for decoded echoes are taken; "
                "ask without echo=decoded, or later.",
                retry_after_s=RETRY_AFTER_S,
            )

    def attach(self, peer_id: PeerId, codecs: Sequence[Codec]) -> None:
        """From now on the peer's subscriptions get its sound decoded and encoded again.

        `codecs` are those agreed on; the first is encoded. Raises `AtCapacity`, `NotEncodable`.
        """
        self.check_room()
        start = RtpStart(
            ssrc=secrets.randbelow(0xFFFFFFFE) + 1,
            sequence=secrets.randbelow(0x8000),
            timestamp=secrets.randbelow(0x80000000),
        )
        work = Reencoding(codecs, start)
        pipeline = Pipeline(
            peer_id, self._plane, work.run, self._workers, self._limits.queue_packets
        )
        pipeline.on_failure = lambda failure: self._fail(peer_id, failure)
        self._pipelines[peer_id] = pipeline
        self._plane.add_tap(peer_id, pipeline.put)
        self._plane.hold_relay(peer_id, is_held=True)

    def detach(self, peer_id: PeerId) -> None:
        """Ends the transcoding; the peer, if it stays, is relayed untouched again.

        Call it before the peer is removed. A peer without transcoding is no matter.
        """
        pipeline = self._pipelines.pop(peer_id, None)
        if pipeline is None:
            return
        self._plane.hold_relay(peer_id, is_held=False)
        running = pipeline.close()
        if running is not None:
            self._ending.add(running)
            running.add_done_callback(self._ending.discard)
        self._ended = added(self._ended, pipeline.counts)
        self._ended_encoded += pipeline.packets_encoded

    def _fail(self, peer_id: PeerId, failure: BaseException) -> None:
        """A fault of ours: the call goes on with the untouched echo."""
        self._failures += 1
        log.error("transcoding broke; the session is relayed untouched", exc_info=failure)
        self.detach(peer_id)

    def reading(self) -> TranscodeReading:
        """What was counted."""
        decoder, encoded = self._ended, self._ended_encoded
        for pipeline in self._pipelines.values():
            decoder = added(decoder, pipeline.counts)
            encoded += pipeline.packets_encoded
        return TranscodeReading(len(self._pipelines), self._failures, encoded, decoder)

    async def close(self) -> None:
        """Ends all of it and waits for the threads."""
        for peer_id in tuple(self._pipelines):
            self.detach(peer_id)
        if self._ending:
            await asyncio.wait(self._ending)
        self._workers.shutdown()


def added(one: DecoderCounts, other: DecoderCounts) -> DecoderCounts:
    """The sums."""
    names = [field.name for field in fields(DecoderCounts)]
    return DecoderCounts(**{name: getattr(one, name) + getattr(other, name) for name in names})
