"""What /proc says, as literal texts."""

from __future__ import annotations

import pytest

from bench.procfs import Memory, core_idle_ticks, memory, process_ticks, waited_ns

PROCESS_STAT = (
    "4242 (a (very) odd name) S 1 4242 4242 0 -1 4194304 104 0 0 0 "
    "250 75 3 4 20 0 1 0 949247 3133440 414 18446744073709551615"
)
SYSTEM_STAT = """cpu  109615 227 22280 1666489 3088 0 3600 832 0 0
cpu0 45443 117 9202 846569 297 0 1472 323 0 0
cpu1 64172 109 13078 819919 2791 0 2128 509 0 0
intr 12345
"""
SMAPS_ROLLUP = """555e83cb5000-7fff99fc7000 ---p 00000000 00:00 0                          [rollup]
Rss:                1620 kB
Pss:                 217 kB
Pss_Dirty:           116 kB
"""


def test_user_and_system_time_are_added_whatever_the_process_is_called() -> None:
    assert process_ticks(PROCESS_STAT) == 250 + 75


def test_waiting_for_a_disk_is_idle_time_of_the_core_too() -> None:
    assert core_idle_ticks(SYSTEM_STAT, 0) == 846569 + 297
    assert core_idle_ticks(SYSTEM_STAT, 1) == 819919 + 2791


def test_a_core_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="no core 7"):
        core_idle_ticks(SYSTEM_STAT, 7)


def test_a_thread_has_waited_for_its_core() -> None:
    assert waited_ns("716402 5081 3\n") == 5081


def test_memory_is_told_whole_and_as_a_share() -> None:
    assert memory(SMAPS_ROLLUP) == Memory(rss_kb=1620, pss_kb=217)


def test_a_process_without_memory_is_an_error() -> None:
    with pytest.raises(ValueError, match="Rss"):
        memory("")
