"""The table as people read it."""

from __future__ import annotations

from dataclasses import replace

from bench.figures import report, rung, use
from bench.ladder import Climb, Ladder, SetUpRun
from bench.table import COLUMNS, write_ladder


def lines_of(*climbs: Climb) -> list[str]:
    return write_ladder(Ladder("voicemedia", climbs, None)).splitlines()


def test_each_rung_is_a_row_with_a_cell_for_each_column() -> None:
    lines = lines_of(Climb((rung(1000, used=use(cpu_s=8, grown_kb=123_000)),)))
    row = lines[4]

    assert row.count("|") == lines[2].count("|") == len(COLUMNS) + 1
    assert row.startswith("| 1,000 | 0.00 | 1.00 | 2.00 |")
    assert "| 80 | 16.0 | 123 |" in row
    assert row.endswith("| holds |")


def test_the_conclusion_names_the_break() -> None:
    text = "\n".join(lines_of(Climb((rung(100),)), Climb((rung(250, found=report(249)),))))

    assert "Holds 100 sessions on one core; breaks at 250 (set-ups failed)." in text


def test_a_ladder_without_a_break_says_so() -> None:
    assert "not high enough" in lines_of(Climb((rung(100),)))[-1]


def test_a_repeated_rung_is_marked_and_explained() -> None:
    slipped = rung(found=report(warnings=("the generator's pacing slipped",)))
    lines = lines_of(Climb((slipped, rung(100))))

    assert lines[4].startswith("| 100* |")
    assert lines[-1] == "- 100 was repeated: the generator's pacing slipped."


def test_packets_that_came_back_wrong_are_told() -> None:
    found = report()
    twice = replace(found, media=replace(found.media, duplicates=3))

    assert lines_of(Climb((rung(found=twice),)))[-1] == "- 100: 3 packets came twice."


def test_set_ups_are_summed_up_in_a_line() -> None:
    ladder = Ladder("x", (Climb((rung(),)),), SetUpRun(report(1000), use(cpu_s=1.2)))

    assert "300 per second, 0 failed" in write_ladder(ladder)
    assert "1.20 ms of CPU each" in write_ladder(ladder)
