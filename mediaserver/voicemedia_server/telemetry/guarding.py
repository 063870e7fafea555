"""Metrics of the guard: what it compares, and what it found."""

from __future__ import annotations

from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge

from voicemedia_rollout.analysis import Measure
from voicemedia_rollout.document import Variant
from voicemedia_rollout.figures import Figures, Report
from voicemedia_rollout.guard import Check, Verdict


class Guarding:
    """Families of a registry; a `GuardObserver`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._checks = Counter(
            "voicemedia_guard_checks",
            "Checks of the rollout by its guard, by verdict; made by the server that leads.",
            ["verdict"],
            registry=registry,
        )
        self._leads = Gauge(
            "voicemedia_guard_leading",
            "1 on the server that checks the rollout.",
            registry=registry,
        )
        self._failed = Gauge(
            "voicemedia_guard_failed_checks",
            "Failed checks in a row; 0 on servers that do not lead.",
            registry=registry,
        )
        self._means = Gauge(
            "voicemedia_guard_mean",
            "What the guard compares, over its window: shares as ratios, times in seconds, MOS "
            "from 1 to 4.5, packets dropped of a session. 0 where nothing was counted.",
            ["variant", "measure"],
            registry=registry,
        )
        self._sessions = Gauge(
            "voicemedia_guard_sessions",
            "Over how many sessions the guard has each mean.",
            ["variant", "measure"],
            registry=registry,
        )
        for verdict in Verdict:
            self._checks.labels(verdict)
        self._show(None)

    def guard_checked(self, found: Check, report: Report | None) -> None:
        """`GuardObserver`."""
        self._leads.set(1)
        self._checks.labels(found.verdict).inc()
        self._failed.set(found.progress.failed_checks)
        self._show(report)

    def guard_followed(self) -> None:
        """`GuardObserver`."""
        self._leads.set(0)
        self._failed.set(0)
        self._show(None)

    def _show(self, report: Report | None) -> None:
        for variant, measure in product(Variant, Measure):
            mean = (report.of(variant) if report else Figures()).mean(measure)
            self._means.labels(variant, measure).set(mean.value)
            self._sessions.labels(variant, measure).set(mean.count)
