"""How this server's sessions of late went, by variant and revision.

Only sessions that the split decided on: those of overrides, and of clients that can do but one
transport, are no fair sample. A fallback is a failed set-up of the variant that was decided on,
and its call is nobody's evidence: it was carried by the other transport.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from voicemedia_rollout.document import Rollout
from voicemedia_rollout.figures import Figures, Report
from voicemedia_rollout.window import Window
from voicemedia_server.ports import Ending, MediaStats
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.routing.outcome import SETTING_UP, Outcome, outcome_of
from voicemedia_server.rtp.quality import estimate_mos
from voicemedia_server.sessions.sound import Transport


class Outcomes:
    """A `SessionObserver`."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._window = Window()
        self._clock_s = clock_s

    def session_opened(self, transport: Transport, setup_s: float) -> None:
        """`SessionObserver`: says nothing yet."""

    def session_connected(
        self, transport: Transport, since_opened_s: float, decision: Decision | None
    ) -> None:
        """`SessionObserver`."""
        if decision is not None and decision.transport is transport:
            self._count(decision, Figures(connected=1, setup_s=since_opened_s))
        else:
            self._count(decision, Figures(fallbacks=1))

    def session_ended(self, ending: Ending, stats: MediaStats) -> None:
        """`SessionObserver`."""
        decision = ending.decision
        outcome = outcome_of(decision, ending.transport, ending.reason, ending.last_state)
        if ending.last_state in SETTING_UP:
            is_failure = outcome is Outcome.SETUP_FAILED
            self._count(decision, Figures(setup_failed=is_failure, abandoned=not is_failure))
        elif decision is not None and decision.transport is ending.transport:
            self._count(decision, figures_of_call(outcome, stats))

    def session_broke(self, decision: Decision | None) -> None:
        """`SessionObserver`."""
        self._count(decision, Figures(setup_failed=1))

    def _count(self, decision: Decision | None, figures: Figures) -> None:
        if decision is not None and decision.reason is DecisionReason.FLAG:
            self._window.add(decision.revision, decision.variant, figures, self._clock_s())

    def report(self, rollout: Rollout | None) -> Report | None:
        """Under the revision that is in force, over the window of its analysis."""
        if rollout is None:
            return None
        return self._window.report(rollout.revision, rollout.analysis.window_s, self._clock_s())


def figures_of_call(outcome: Outcome, stats: MediaStats) -> Figures:
    """Of one that was connected, and ended. It is rated where its round trip is known."""
    has_media = stats.packets_received > 0
    expected = stats.packets_received + stats.packets_lost
    loss_ratio = stats.packets_lost / expected if has_media else 0.0
    jitter_s = stats.jitter_s if has_media else 0.0
    round_trip_s = stats.round_trip_s
    is_rated = has_media and round_trip_s is not None
    return Figures(
        ended=1,
        lost=int(outcome is Outcome.LOST),
        dropped_packets=sum((stats.drops or {}).values()),
        heard=int(has_media),
        loss_ratio=loss_ratio,
        jitter_s=jitter_s,
        timed=int(round_trip_s is not None),
        round_trip_s=round_trip_s or 0.0,
        rated=int(is_rated),
        mos=estimate_mos(round_trip_s or 0.0, jitter_s, loss_ratio) if is_rated else 0.0,
    )
