"""Builders of figures with good defaults, for the tests of the arithmetic."""

from __future__ import annotations

from dataclasses import replace

from bench.ladder import Rung, ServerUse
from bench.report import Generator, Media, Quantiles, Report, SetUps

EVEN = Quantiles(p50_ms=1, p99_ms=2, p999_ms=3, max_ms=4)


def report(
    sessions: int = 100,
    *,
    loss_percent: float = 0,
    p99_ms: float = 2,
    lost: int = 0,
    warnings: tuple[str, ...] = (),
) -> Report:
    """A good run of 10 s, unless said otherwise."""
    sent = sessions * 500
    return Report(
        set_ups=SetUps(
            connected=sessions,
            failed=0,
            failed_by_reason={},
            lost=lost,
            delayed_by_retry_after=0,
            not_ended=0,
            per_s=300,
            answer=EVEN,
            connect=EVEN,
        ),
        media=Media(
            measured_s=10,
            sent=sent,
            received=round(sent * (1 - loss_percent / 100)),
            loss_percent=loss_percent,
            latency=replace(EVEN, p99_ms=p99_ms),
            jitter=EVEN,
            reordered=0,
            duplicates=0,
            altered=0,
            renumbered=0,
            retimed=0,
            unopened=0,
            rtcp_received=0,
        ),
        generator=Generator(cpu_percent=20, late_p99_ms=0.1, late_max_ms=1, warnings=warnings),
    )


def use(*, cpu_s: float = 1, disturbed_s: float = 0, grown_kb: int = 0) -> ServerUse:
    """What a server used in 10 s."""
    return ServerUse(
        wall_s=10,
        cpu_s=cpu_s,
        disturbed_s=disturbed_s,
        pss_before_kb=50_000,
        pss_kb=50_000 + grown_kb,
    )


def rung(
    sessions: int = 100, *, found: Report | None = None, used: ServerUse | None = None
) -> Rung:
    """A rung that holds, unless its figures say otherwise."""
    return Rung(sessions, found or report(sessions), used or use())
