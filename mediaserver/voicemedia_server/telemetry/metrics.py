"""Prometheus metrics, read off the service and the plane when they are scraped (OpenMetrics).

Labels come from enums only, and each series is there from the start, so that a rate over it is
right. Names and units are base units; docs/metrics.md is made from here (`catalogue`).
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from voicemedia_rollout.document import Variant
from voicemedia_server.ports import Ending, MediaStats, PacketPlane, TranscodeReading, Transcoding
from voicemedia_server.registry_port import Operation, Result
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.service import Capacity, SessionService
from voicemedia_server.sessions.lifecycle import State
from voicemedia_server.sessions.refusals import RefusalReason
from voicemedia_server.sessions.sound import Transport
from voicemedia_server.telemetry.endings import LIVE_STATES, Endings
from voicemedia_server.telemetry.guarding import Guarding
from voicemedia_server.telemetry.totals import (
    MediaTotals,
    media_families,
    new_totals,
    transcode_families,
)

SETUP_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0)
REGISTRY_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
PAUSE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)
GENERATIONS = ("0", "1", "2")
CHUNK_SESSIONS = 100
"""Sessions read in one go at a scrape: two milliseconds, then media has its turn."""


class Phase(StrEnum):
    """Parts of a session's set-up."""

    ANSWER = "answer"
    CONNECTED = "connected"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the process knows of itself at the moment of a scrape."""

    states: Mapping[tuple[State, Transport], int]
    media: Mapping[Transport, MediaTotals]
    drops: Mapping[DropReason, int]
    capacity: Capacity
    is_draining: bool
    is_ready: bool
    transcoding: TranscodeReading = field(default_factory=TranscodeReading)


class Metrics:
    """All metrics of one process: a `SessionObserver`, a counter of refusals, and a scrape."""

    def __init__(self, version: str, packet_plane: str) -> None:
        # Nobody asks for *_created, a third of the lines; the library leaves the call untyped.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self.is_ready = False
        self._reading: Reading | None = None
        self._source: tuple[SessionService, PacketPlane, Transcoding | None] | None = None
        ProcessCollector(registry=registry)
        build = Info("voicemedia_build", "What runs here.", registry=registry)
        build.info({"version": version, "packet_plane": packet_plane})
        self._opened = Counter(
            "voicemedia_sessions_opened", "Sessions opened.", ["transport"], registry=registry
        )
        self._decisions = Counter(
            "voicemedia_decisions",
            "Transports decided on by POST /v2/session.",
            ["variant", "reason"],
            registry=registry,
        )
        self._flags_revision = Gauge(
            "voicemedia_flags_revision",
            "Revision of the flag document in force; 0 where there is none.",
            registry=registry,
        )
        self._flags_refused = Counter(
            "voicemedia_flags_documents_refused",
            "Flag documents that could not be read; the last one stayed in force.",
            registry=registry,
        )
        self._refused = Counter(
            "voicemedia_requests_refused", "Requests refused.", ["reason"], registry=registry
        )
        self._setup = Histogram(
            "voicemedia_session_setup_seconds",
            "Set-up of a session: from the request to its answer, from there to connected.",
            ["phase", "transport"],
            buckets=SETUP_BUCKETS_S,
            registry=registry,
        )
        self._lag = Histogram(
            "voicemedia_event_loop_lag_seconds",
            "How late the event loop woke for a timer, twice a second.",
            buckets=PAUSE_BUCKETS_S,
            registry=registry,
        )
        self._tasks = Gauge(
            "voicemedia_event_loop_tasks", "Tasks of the event loop now.", registry=registry
        )
        self._loop_errors = Counter(
            "voicemedia_event_loop_errors", "Exceptions that nobody caught.", registry=registry
        )
        self._gc_pause = Histogram(
            "voicemedia_gc_pause_seconds",
            "Pauses of the garbage collector, by generation.",
            ["generation"],
            buckets=PAUSE_BUCKETS_S,
            registry=registry,
        )
        self._registry_up = Gauge(
            "voicemedia_registry_up",
            "1 while the fleet's directory is reachable and lists what is held here.",
            registry=registry,
        )
        self._registry_operations = Counter(
            "voicemedia_registry_operations",
            "What the directory was asked, and how it went; none while it is in memory.",
            ["operation", "result"],
            registry=registry,
        )
        self._registry_duration = Histogram(
            "voicemedia_registry_operation_seconds",
            "How long the directory took to answer, or to be given up.",
            ["operation"],
            buckets=REGISTRY_BUCKETS_S,
            registry=registry,
        )
        self._endings = Endings(registry)
        self.guarding = Guarding(registry)
        self._prepare_labels()
        registry.register(self)

    def _prepare_labels(self) -> None:
        for transport in Transport:
            self._opened.labels(transport)
            for phase in Phase:
                self._setup.labels(phase, transport)
        for variant, reason in product(Variant, DecisionReason):
            self._decisions.labels(variant, reason)
        for refusal in RefusalReason:
            self._refused.labels(refusal)
        for operation in Operation:
            self._registry_duration.labels(operation)
            for result in Result:
                self._registry_operations.labels(operation, result)
        for generation in GENERATIONS:
            self._gc_pause.labels(generation)

    # -- what happens -----------------------------------------------------------------------

    def session_opened(self, transport: Transport, setup_s: float) -> None:
        """`SessionObserver`."""
        self._opened.labels(transport).inc()
        self._setup.labels(Phase.ANSWER, transport).observe(setup_s)

    def session_connected(
        self, transport: Transport, since_opened_s: float, decision: Decision | None
    ) -> None:
        """`SessionObserver`."""
        self._setup.labels(Phase.CONNECTED, transport).observe(since_opened_s)

    def session_ended(self, ending: Ending, stats: MediaStats) -> None:
        """`SessionObserver`."""
        self._endings.count(ending, stats)

    def session_broke(self, decision: Decision | None) -> None:
        """`SessionObserver`."""
        self._endings.count_broken(decision)

    def refused(self, reason: RefusalReason) -> None:
        """Counts a request that was refused."""
        self._refused.labels(reason).inc()

    def decided(self, decision: Decision) -> None:
        """Counts a decision."""
        self._decisions.labels(decision.variant, decision.reason).inc()

    def flags_taken(self, revision: int) -> None:
        """From now on decisions go by this revision."""
        self._flags_revision.set(revision)

    def flags_refused(self) -> None:
        """A document could not be read."""
        self._flags_refused.inc()

    def registry_asked(self, operation: Operation, result: Result, duration_s: float) -> None:
        """`RegistryCounter`."""
        self._registry_operations.labels(operation, result).inc()
        self._registry_duration.labels(operation).observe(duration_s)

    def registry_reachable(self, is_reachable: bool) -> None:
        """`RegistryCounter`."""
        self._registry_up.set(is_reachable)

    def loop_was_late(self, lag_s: float) -> None:
        """The event loop woke this much after its timer was due."""
        self._lag.observe(lag_s)

    def loop_error(self) -> None:
        """An exception reached the event loop."""
        self._loop_errors.inc()

    def watch_collector(self) -> Callable[[], None]:
        """Measures each pause of the garbage collector; returns what ends it."""
        started_ns = 0

        def on_collection(phase: str, details: dict[str, int]) -> None:
            nonlocal started_ns
            if phase == "start":
                started_ns = time.perf_counter_ns()
            else:
                pause_s = (time.perf_counter_ns() - started_ns) / 1e9
                self._gc_pause.labels(str(details["generation"])).observe(pause_s)

        gc.callbacks.append(on_collection)
        return lambda: gc.callbacks.remove(on_collection)

    # -- scraping ---------------------------------------------------------------------------

    def read_from(
        self, service: SessionService, plane: PacketPlane, transcoding: Transcoding | None = None
    ) -> None:
        """Where the figures of a scrape come from."""
        self._source = service, plane, transcoding

    def show(self, reading: Reading) -> None:
        """Shows this reading until the next one."""
        self._reading = reading

    async def render(self, accept: str) -> tuple[str, bytes]:
        """Content type and body, in the format that the scraper accepts."""
        if self._source is not None:
            self.show(await self._read(*self._source))
        self._tasks.set(len(asyncio.all_tasks()))
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self.registry)

    async def _read(
        self, service: SessionService, plane: PacketPlane, transcoding: Transcoding | None
    ) -> Reading:
        """Reads all sessions, some at a time.

        One that ends meanwhile is counted among the ended by then, so it is left out here.
        """
        live = []
        for position, session in enumerate(service.sessions, 1):
            if session.close_reason is None:
                live.append((session, service.stats(session)))
            if position % CHUNK_SESSIONS == 0:
                await asyncio.sleep(0)
        media = new_totals()
        for transport, ended in self._endings.totals.items():
            media[transport].add(ended)
        states: Tally[tuple[State, Transport]] = Tally()
        for session, stats in live:
            if session.close_reason is None:
                media[session.transport].add(stats)
                states[session.state, session.transport] += 1
        return Reading(
            states=states,
            media=media,
            drops=plane.drops(),
            capacity=service.capacity,
            is_draining=service.is_draining,
            is_ready=self.is_ready and not service.is_draining,
            transcoding=transcoding.reading() if transcoding is not None else TranscodeReading(),
        )

    def collect(self) -> Iterator[Metric]:
        """Called by the registry when it renders."""
        reading = self._reading
        if reading is None:
            return
        sessions = GaugeMetricFamily(
            "voicemedia_sessions", "Sessions that live now.", labels=["state", "transport"]
        )
        for state, transport in product(LIVE_STATES, Transport):
            sessions.add_metric([state, transport], reading.states.get((state, transport), 0))
        yield sessions
        drops = CounterMetricFamily(
            "voicemedia_packets_dropped",
            "Datagrams and packets that went no further.",
            labels=["reason"],
        )
        for reason in DropReason:
            drops.add_metric([reason], reading.drops.get(reason, 0))
        yield drops
        yield from media_families(reading.media)
        yield from transcode_families(reading.transcoding)
        for name, text, value in (
            ("sessions_max", "Sessions that fit.", reading.capacity.max_sessions),
            (
                "sessions_pending_max",
                "Sessions that may be setting up at a time.",
                reading.capacity.max_pending,
            ),
            ("ready", "1 while new sessions are taken.", reading.is_ready),
            (
                "draining",
                "1 while no new sessions are taken, until empty or taken back.",
                reading.is_draining,
            ),
        ):
            yield GaugeMetricFamily(f"voicemedia_{name}", text, value=value)
