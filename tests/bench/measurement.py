"""Walks the ladder: starts servers, loads them, reads what they used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bench import generator
from bench.generator import Load
from bench.ladder import Climb, Ladder, Rung, SetUpRun, next_sessions
from bench.readings import Reading, read_memory, read_usage, use_between
from bench.server import Server

SET_UPS = 1000
SET_UPS_AT_ONCE = 32

Serve = Callable[[], AbstractContextManager[Server]]


@dataclass(frozen=True, slots=True)
class Bench:
    """What the measurements of all servers have in common, so that they can be compared."""

    load: Load
    rungs: Sequence[int]
    max_attempts: int
    server_core: int
    tell: Callable[[str], None]

    def climb(self, label: str, serve: Serve, idle_kb: int | None = None) -> Ladder:
        """Measures one server. `serve` gives one for each rung, best a fresh one.

        `idle_kb` is what it held before any session, where it is not a fresh one.
        """
        climbs: list[Climb] = []
        while (sessions := next_sessions(self.rungs, climbs)) is not None:
            climb = Climb(())
            while not climb.attempts or climb.should_repeat(self.max_attempts):
                with serve() as server:
                    rung = self._rung(server, sessions, idle_kb)
                climb = Climb((*climb.attempts, rung))
                doubts = "".join(f"; {doubt}" for doubt in rung.doubts)
                self.tell(f"{label}: {sessions} sessions: {rung.verdict}{doubts}")
            climbs.append(climb)
        with serve() as server:
            set_ups = self._set_ups(server)
        return Ladder(label, tuple(climbs), set_ups)

    def _rung(self, server: Server, sessions: int, idle_kb: int | None) -> Rung:
        """CPU is read around the measurement, memory right after it, before sessions end."""
        readings: dict[str, Reading] = {}
        before_kb = read_memory(server.pid).pss_kb if idle_kb is None else idle_kb
        held_kb = [before_kb]

        def on_phase(phase: str) -> None:
            readings[phase] = read_usage(server.pid, self.server_core)
            if phase == "draining":
                held_kb.append(read_memory(server.pid).pss_kb)

        report = generator.run_load(server.url, sessions, self.load, on_phase)
        end = readings["done"]
        before, after = readings.get("measuring", end), readings.get("draining", end)
        return Rung(sessions, report, use_between(before, after, before_kb, held_kb[-1]))

    def _set_ups(self, server: Server) -> SetUpRun:
        """Sessions opened and ended as fast as possible; nothing is spoken."""
        before_kb = read_memory(server.pid).pss_kb
        before = read_usage(server.pid, self.server_core)
        report = generator.run_set_ups(
            server.url, SET_UPS, SET_UPS_AT_ONCE, self.load, lambda phase: None
        )
        after = read_usage(server.pid, self.server_core)
        held_kb = read_memory(server.pid).pss_kb
        return SetUpRun(report, use_between(before, after, before_kb, held_kb))
