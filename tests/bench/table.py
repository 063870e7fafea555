"""Writes ladders as markdown, for a terminal and for docs/benchmarks.md. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bench.ladder import Climb, Ladder, SetUpRun, Verdict

COLUMNS = (
    "sessions",
    "loss %",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "jitter p99 ms",
    "set-ups/s",
    "answer p50/p99 ms",
    "connected p50/p99 ms",
    "server CPU %",
    "µs/packet",
    "kB/session",
    "generator CPU %",
    "verdict",
)


def write_ladder(ladder: Ladder) -> str:
    """A heading, the table, what it means, and what is doubtful about it."""
    lines = [f"## {ladder.label}", ""]
    lines += _table(COLUMNS, (_row(climb) for climb in ladder.climbs))
    lines += ["", _conclusion(ladder)]
    if ladder.set_ups is not None:
        lines.append(_set_ups(ladder.set_ups))
    notes = [note for climb in ladder.climbs for note in _notes(climb)]
    if notes:
        lines += ["", *notes]
    return "\n".join(lines) + "\n"


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(columns)
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *body]


def _row(climb: Climb) -> list[str]:
    rung = climb.rung
    media, set_ups = rung.report.media, rung.report.set_ups
    mark = "*" if climb.repeated_because or rung.doubts else ""
    return [
        f"{rung.sessions:,}{mark}",
        f"{media.loss_percent:.2f}",
        f"{media.latency.p50_ms:.2f}",
        f"{media.latency.p99_ms:.2f}",
        f"{media.latency.p999_ms:.2f}",
        f"{media.jitter.p99_ms:.2f}",
        f"{set_ups.per_s:.0f}",
        f"{set_ups.answer.p50_ms:.0f}/{set_ups.answer.p99_ms:.0f}",
        f"{set_ups.connect.p50_ms:.0f}/{set_ups.connect.p99_ms:.0f}",
        f"{rung.use.cpu_percent:.0f}",
        f"{rung.us_per_packet:.1f}",
        f"{rung.kb_per_session:.0f}",
        f"{rung.report.generator.cpu_percent:.0f}",
        str(rung.verdict),
    ]


def _conclusion(ladder: Ladder) -> str:
    if not ladder.climbs:
        return "Nothing was measured."
    last = ladder.climbs[-1].rung
    reached = f"Holds {ladder.holds:,} sessions on one core"
    if last.verdict is Verdict.HOLDS:
        return f"{reached}; the ladder was not high enough to find the break."
    return f"{reached}; breaks at {last.sessions:,} ({last.verdict})."


def _set_ups(run: SetUpRun) -> str:
    set_ups = run.report.set_ups
    return (
        f"Set-ups without media: {set_ups.per_s:.0f} per second, {set_ups.failed} failed, "
        f"answer p50/p99 {set_ups.answer.p50_ms:.0f}/{set_ups.answer.p99_ms:.0f} ms, "
        f"{run.cpu_ms_each:.2f} ms of CPU each, opened and ended."
    )


def _notes(climb: Climb) -> Iterable[str]:
    rung = climb.rung
    for doubt in climb.repeated_because:
        yield f"- {rung.sessions:,} was repeated: {doubt}."
    for doubt in rung.doubts:
        yield f"- {rung.sessions:,} is doubtful: {doubt}."
    for reason, count in rung.report.set_ups.failed_by_reason.items():
        yield f"- {rung.sessions:,}: {count} set-ups failed ({reason})."
    if rung.report.set_ups.lost:
        yield f"- {rung.sessions:,}: {rung.report.set_ups.lost} sessions ended by themselves."
    media = rung.report.media
    wrong = {
        "came in another order": media.reordered,
        "came twice": media.duplicates,
        "had another content": media.altered,
        "jumped in their sequence numbers": media.renumbered,
        "jumped in their time stamps": media.retimed,
        "did not open": media.unopened,
    }
    for what, count in wrong.items():
        if count:
            yield f"- {rung.sessions:,}: {count} packets {what}."
