"""The ladder: which session counts are tried, what a rung found, whether it holds. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bench.report import Report

RUNGS = (100, 250, 500, 750, 1000, 1250, 1500, 1750, 2000, 2500, 3000, 3500, 4000, 4500)
MAX_LOSS_PERCENT = 0.5
MAX_P99_MS = 20.0
MAX_DISTURBED_PERCENT = 0.5  # of the time; what waited in one per cent of it shows in the p99


class Verdict(StrEnum):
    """What a rung proves."""

    HOLDS = "holds"
    SET_UPS_FAILED = "set-ups failed"
    SESSIONS_LOST = "sessions lost"
    LOSS = "loss"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class ServerUse:
    """What the server took, between two readings."""

    wall_s: float
    cpu_s: float
    disturbed_s: float  # it could have run, but others had its core
    pss_before_kb: int
    pss_kb: int

    @property
    def cpu_percent(self) -> float:
        """Of one core."""
        return 100 * self.cpu_s / self.wall_s if self.wall_s else 0.0

    @property
    def disturbed_percent(self) -> float:
        """Of the time."""
        return 100 * self.disturbed_s / self.wall_s if self.wall_s else 0.0


@dataclass(frozen=True, slots=True)
class Rung:
    """One session count, measured."""

    sessions: int
    report: Report
    use: ServerUse

    @property
    def us_per_packet(self) -> float:
        """CPU of the server for a packet echoed: received, opened, sealed, sent. 0 if none was."""
        echoed = self.report.media.received
        return 1e6 * self.use.cpu_s / echoed if echoed else 0.0

    @property
    def kb_per_session(self) -> float:
        """Memory of the server for a connected session. 0 if none was."""
        connected = self.report.set_ups.connected
        grown_kb = self.use.pss_kb - self.use.pss_before_kb
        return grown_kb / connected if connected else 0.0

    @property
    def verdict(self) -> Verdict:
        """Whether the server carries so many sessions, and else the first reason why not."""
        set_ups, media = self.report.set_ups, self.report.media
        if set_ups.connected < self.sessions:
            return Verdict.SET_UPS_FAILED
        if set_ups.lost:
            return Verdict.SESSIONS_LOST
        if media.loss_percent >= MAX_LOSS_PERCENT:
            return Verdict.LOSS
        if media.latency.p99_ms >= MAX_P99_MS:
            return Verdict.LATENCY
        return Verdict.HOLDS

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why these figures may not be the server's. Empty is good."""
        doubts = self.report.generator.warnings
        waited_percent = self.use.disturbed_percent
        if waited_percent > MAX_DISTURBED_PERCENT:
            doubts = (*doubts, f"the server waited {waited_percent:.1f} % of the time for others")
        return doubts


@dataclass(frozen=True, slots=True)
class Climb:
    """The attempts at one session count; the last one counts."""

    attempts: tuple[Rung, ...]

    @property
    def rung(self) -> Rung:
        """The attempt that counts."""
        return self.attempts[-1]

    @property
    def repeated_because(self) -> tuple[str, ...]:
        """The doubts about earlier attempts."""
        return tuple(doubt for rung in self.attempts[:-1] for doubt in rung.doubts)

    def should_repeat(self, max_attempts: int) -> bool:
        """Doubtful figures are measured again, but not for ever."""
        return bool(self.rung.doubts) and len(self.attempts) < max_attempts

    @property
    def is_broken(self) -> bool:
        """The ladder ends here."""
        return self.rung.verdict is not Verdict.HOLDS


@dataclass(frozen=True, slots=True)
class SetUpRun:
    """Sessions opened and ended as fast as possible, without media."""

    report: Report
    use: ServerUse

    @property
    def cpu_ms_each(self) -> float:
        """CPU of the server for a session opened and ended. 0 if none was."""
        connected = self.report.set_ups.connected
        return 1e3 * self.use.cpu_s / connected if connected else 0.0


@dataclass(frozen=True, slots=True)
class Ladder:
    """All that was measured of one server."""

    label: str
    climbs: tuple[Climb, ...]
    set_ups: SetUpRun | None

    @property
    def holds(self) -> int:
        """Most sessions of a rung that holds; 0 if none does."""
        held = [c.rung.sessions for c in self.climbs if c.rung.verdict is Verdict.HOLDS]
        return max(held, default=0)


def read_rungs(text: str) -> tuple[int, ...]:
    """Reads "100,250": rising counts. Raises `ValueError` with a sentence."""
    try:
        rungs = tuple(int(part) for part in text.split(","))
    except ValueError as failure:
        raise ValueError(f"{text!r} is not a list of numbers with commas between") from failure
    if any(count < 1 for count in rungs) or list(rungs) != sorted(set(rungs)):
        raise ValueError("session counts must rise, from 1 on")
    return rungs


def next_sessions(rungs: Sequence[int], climbs: Sequence[Climb]) -> int | None:
    """The count to try next; `None` at the break or at the top."""
    if climbs and climbs[-1].is_broken:
        return None
    return rungs[len(climbs)] if len(climbs) < len(rungs) else None
