"""Metrics of sessions that have ended: why, how each turned out, and what it was like."""

from __future__ import annotations

from itertools import product

from prometheus_client import CollectorRegistry, Counter, Histogram

from voicemedia_rollout.document import Variant
from voicemedia_server.ports import Ending, MediaStats
from voicemedia_server.routing.decision import Decision
from voicemedia_server.routing.outcome import Outcome, outcome_of
from voicemedia_server.sessions.lifecycle import CloseReason, State
from voicemedia_server.sessions.sound import Transport
from voicemedia_server.telemetry.totals import new_totals

DURATION_BUCKETS_S = (1, 10, 60, 300, 900, 3600, 14400)
ROUND_TRIP_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.8)
PLAYOUT_BUCKETS_S = (0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.8, 1.6)
JITTER_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08)
LOSS_BUCKETS_RATIO = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
UNDECIDED = "none"
VARIANTS = (*Variant, UNDECIDED)
LIVE_STATES = tuple(state for state in State if state is not State.CLOSED)


class Endings:
    """Families of a registry. `totals` is what all sessions that ended have counted."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.totals = new_totals()
        self._ended_count = Counter(
            "voicemedia_sessions_ended",
            "Sessions ended, by reason and by the state that they were in.",
            ["reason", "last_state", "transport"],
            registry=registry,
        )
        self._outcomes = Counter(
            "voicemedia_session_outcomes",
            "Sessions ended, by the variant that was decided on (none where nobody asked) and how "
            "they turned out; a fallback was given WebRTC and came by WebSocket.",
            ["variant", "outcome"],
            registry=registry,
        )
        self._duration = _histogram(
            registry, "session_duration_seconds", "How long sessions lasted.", DURATION_BUCKETS_S
        )
        self._round_trip = _histogram(
            registry,
            "session_round_trip_seconds",
            "Last round trip of each session, from RTCP, noted at its end.",
            ROUND_TRIP_BUCKETS_S,
        )
        self._jitter = _histogram(
            registry,
            "session_jitter_seconds",
            "Interarrival jitter of each speaker (RFC 3550), noted at the session's end.",
            JITTER_BUCKETS_S,
        )
        self._loss = _histogram(
            registry,
            "session_loss_ratio",
            "Share of each speaker's packets that never came, noted at the session's end.",
            LOSS_BUCKETS_RATIO,
        )
        self._playout = _histogram(
            registry,
            "session_playout_seconds",
            "From our sending of a frame until its listener said that it was played, the last of "
            "each session, noted at its end. WebSocket only.",
            PLAYOUT_BUCKETS_S,
        )
        for close, state, transport in product(CloseReason, LIVE_STATES, Transport):
            self._ended_count.labels(close, state, transport)
        for variant, outcome in product(VARIANTS, Outcome):
            self._outcomes.labels(variant, outcome)

    def count(self, ending: Ending, stats: MediaStats) -> None:
        """A session ended, and had counted this."""
        transport = ending.transport
        self._ended_count.labels(ending.reason, ending.last_state, transport).inc()
        variant = ending.decision.variant if ending.decision else UNDECIDED
        outcome = outcome_of(ending.decision, transport, ending.reason, ending.last_state)
        self._outcomes.labels(variant, outcome).inc()
        self._duration.labels(transport).observe(ending.duration_s)
        self.totals[transport].add(stats)
        if stats.packets_received:
            expected = stats.packets_received + stats.packets_lost
            self._jitter.labels(transport).observe(stats.jitter_s)
            self._loss.labels(transport).observe(stats.packets_lost / expected)
        if stats.round_trip_s is not None:
            self._round_trip.labels(transport).observe(stats.round_trip_s)
        if stats.playout_s is not None:
            self._playout.labels(transport).observe(stats.playout_s)

    def count_broken(self, decision: Decision | None) -> None:
        """A session could not be made for a fault of ours."""
        variant = decision.variant if decision else UNDECIDED
        self._outcomes.labels(variant, Outcome.SETUP_FAILED).inc()


def _histogram(
    registry: CollectorRegistry, name: str, text: str, buckets: tuple[float, ...]
) -> Histogram:
    """A histogram by transport, there from the start."""
    histogram = Histogram(
        f"voicemedia_{name}", text, ["transport"], buckets=buckets, registry=registry
    )
    for transport in Transport:
        histogram.labels(transport)
    return histogram
