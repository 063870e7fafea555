"""Prometheus metrics, read off the service and the plane when they are scraped (OpenMetrics).

Labels come from enums only. Totals never fall: what an ended session counted is kept here.
"""

from __future__ import annotations

import gc
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge, Histogram, Info
from prometheus_client import Counter as PromCounter
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from voicemedia_server.ports import MediaStats
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.sessions.lifecycle import CloseReason, State
from voicemedia_server.sessions.refusals import RefusalReason

ANSWER_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
CONNECT_BUCKETS_S = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 15.0)
DURATION_BUCKETS_S = (1, 10, 60, 300, 900, 3600, 14400)
ROUND_TRIP_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8)
JITTER_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08)
LOSS_BUCKETS_RATIO = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
LAG_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)
TRANSPORT = "webrtc"
LIVE_STATES = tuple(state for state in State if state is not State.CLOSED)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the process knows of itself at the moment of a scrape."""

    states: Sequence[tuple[State, str]]
    stats: Iterable[MediaStats]
    drops: dict[DropReason, int]
    max_sessions: int
    is_draining: bool


class Metrics:
    """All metrics of one process. Give it a `read` function before it is scraped."""

    def __init__(self, version: str, implementation: str) -> None:
        self.registry = CollectorRegistry()
        self._read: Callable[[], Reading] | None = None
        self._ended = MediaTotals()
        registry = self.registry
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        build = Info("voicemedia_build", "What runs here.", registry=registry)
        build.info({"version": version, "packet_plane": implementation})
        self._setup = Histogram(
            "voicemedia_session_setup_seconds",
            "Time of a session's set-up: from request to answer, from answer to connected.",
            ["phase", "transport"],
            buckets=CONNECT_BUCKETS_S,
            registry=registry,
        )
        self._opened = PromCounter(
            "voicemedia_sessions_opened", "Sessions opened.", ["transport"], registry=registry
        )
        self._closed = PromCounter(
            "voicemedia_sessions_closed",
            "Sessions closed, by reason and by the state they were in.",
            ["reason", "last_state", "transport"],
            registry=registry,
        )
        self._duration = Histogram(
            "voicemedia_session_duration_seconds",
            "How long sessions lasted.",
            ["transport"],
            buckets=DURATION_BUCKETS_S,
            registry=registry,
        )
        self._round_trip = Histogram(
            "voicemedia_session_round_trip_seconds",
            "Last round trip of each session at its end.",
            ["transport"],
            buckets=ROUND_TRIP_BUCKETS_S,
            registry=registry,
        )
        self._jitter = Histogram(
            "voicemedia_session_jitter_seconds",
            "Interarrival jitter of what each session sent us, at its end.",
            ["transport"],
            buckets=JITTER_BUCKETS_S,
            registry=registry,
        )
        self._loss = Histogram(
            "voicemedia_session_loss_ratio",
            "Share of a session's packets that never reached us.",
            ["transport"],
            buckets=LOSS_BUCKETS_RATIO,
            registry=registry,
        )
        self._refused = PromCounter(
            "voicemedia_requests_refused",
            "Requests refused, by reason.",
            ["reason"],
            registry=registry,
        )
        self._lag = Histogram(
            "voicemedia_event_loop_lag_seconds",
            "How late the event loop woke for a timer.",
            buckets=LAG_BUCKETS_S,
            registry=registry,
        )
        self._gc_pause = Histogram(
            "voicemedia_gc_pause_seconds",
            "Pauses of the garbage collector.",
            ["generation"],
            buckets=LAG_BUCKETS_S,
            registry=registry,
        )
        self._loop_errors = PromCounter(
            "voicemedia_event_loop_errors", "Exceptions that nobody caught.", registry=registry
        )
        self._started = Gauge(
            "voicemedia_start_time_seconds", "Unix time of the start.", registry=registry
        )
        self._started.set_to_current_time()
        self._prepare_labels()
        registry.register(self)

    def _prepare_labels(self) -> None:
        """Every series is there from the start, so that a rate over it is right."""
        for phase in ("answer", "connect"):
            self._setup.labels(phase, TRANSPORT)
        for reason in RefusalReason:
            self._refused.labels(reason)
        self._opened.labels(TRANSPORT)
        for close in CloseReason:
            for state in LIVE_STATES:
                self._closed.labels(close, state, TRANSPORT)
        for family in (self._duration, self._round_trip, self._jitter, self._loss):
            family.labels(TRANSPORT)

    # -- what happens -----------------------------------------------------------------------

    def session_opened(self, setup_s: float) -> None:
        """`SessionObserver`."""
        self._opened.labels(TRANSPORT).inc()
        self._setup.labels("answer", TRANSPORT).observe(setup_s)

    def session_connected(self, since_opened_s: float) -> None:
        """`SessionObserver`."""
        self._setup.labels("connect", TRANSPORT).observe(since_opened_s)

    def session_ended(
        self, reason: CloseReason, last_state: State, duration_s: float, stats: MediaStats
    ) -> None:
        """`SessionObserver`: keeps what the session counted."""
        self._closed.labels(reason, last_state, TRANSPORT).inc()
        self._duration.labels(TRANSPORT).observe(duration_s)
        self._ended.add(stats)
        if stats.packets_received:
            expected = stats.packets_received + stats.packets_lost
            self._jitter.labels(TRANSPORT).observe(stats.jitter_s)
            self._loss.labels(TRANSPORT).observe(stats.packets_lost / expected)
        if stats.round_trip_s is not None:
            self._round_trip.labels(TRANSPORT).observe(stats.round_trip_s)

    def refused(self, reason: RefusalReason) -> None:
        """`RefusalCounter`."""
        self._refused.labels(reason).inc()

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

    def read_from(self, read: Callable[[], Reading]) -> None:
        """Where the figures of a scrape come from."""
        self._read = read

    def render(self, accept: str) -> tuple[str, bytes]:
        """The exposition in the format that the scraper accepts: content type and body."""
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self.registry)

    def collect(self) -> Iterable[Metric]:
        """Called by the registry at each scrape."""
        if self._read is None:
            return
        reading = self._read()
        tally = Tally(reading.states)
        sessions = GaugeMetricFamily(
            "voicemedia_sessions", "Sessions that live now.", labels=["state", "transport"]
        )
        for state in LIVE_STATES:
            sessions.add_metric([state, TRANSPORT], tally[state, TRANSPORT])
        yield sessions
        yield GaugeMetricFamily(
            "voicemedia_sessions_max", "Sessions that fit.", value=reading.max_sessions
        )
        yield GaugeMetricFamily(
            "voicemedia_draining", "1 while no new sessions are taken.", value=reading.is_draining
        )
        drops = CounterMetricFamily(
            "voicemedia_packets_dropped", "Datagrams and packets dropped.", labels=["reason"]
        )
        for reason in DropReason:
            drops.add_metric([reason], reading.drops.get(reason, 0))
        yield drops
        totals = self._ended.copy()
        for stats in reading.stats:
            totals.add(stats)
        yield from totals.families()


@dataclass(slots=True)
class MediaTotals:
    """Sums over sessions."""

    packets_received: int = 0
    bytes_received: int = 0
    packets_lost: int = 0
    packets_sent: int = 0
    bytes_sent: int = 0
    packets_resent: int = 0
    nacks_received: int = 0

    def add(self, stats: MediaStats) -> None:
        """Adds a session."""
        self.packets_received += stats.packets_received
        self.bytes_received += stats.bytes_received
        self.packets_lost += stats.packets_lost
        self.packets_sent += stats.packets_sent
        self.bytes_sent += stats.bytes_sent
        self.packets_resent += stats.packets_resent
        self.nacks_received += stats.nacks_received

    def copy(self) -> MediaTotals:
        """The same sums, to add to."""
        return MediaTotals(
            self.packets_received,
            self.bytes_received,
            self.packets_lost,
            self.packets_sent,
            self.bytes_sent,
            self.packets_resent,
            self.nacks_received,
        )

    def families(self) -> Iterable[Metric]:
        """The sums as counters."""
        described = (
            ("rtp_packets_received", "RTP packets taken from speakers.", self.packets_received),
            ("rtp_bytes_received", "Bytes of those, without SRTP.", self.bytes_received),
            ("rtp_packets_sent", "RTP packets sent to listeners.", self.packets_sent),
            ("rtp_payload_bytes_sent", "Payload bytes of those.", self.bytes_sent),
            ("rtp_packets_resent", "RTP packets sent again for a NACK.", self.packets_resent),
            ("rtcp_nacks_received", "NACK packets received.", self.nacks_received),
        )
        lost = GaugeMetricFamily(
            "voicemedia_rtp_packets_lost",
            "RTP packets that never reached us, less those that came late after all.",
            labels=["transport"],
        )
        lost.add_metric([TRANSPORT], self.packets_lost)
        yield lost
        for name, text, value in described:
            family = CounterMetricFamily(f"voicemedia_{name}", text, labels=["transport"])
            family.add_metric([TRANSPORT], value)
            yield family
