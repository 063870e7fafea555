"""Readings of this very process, and what two of them make."""

from __future__ import annotations

import os
import subprocess

import pytest

from bench.readings import Reading, ServerGone, read_memory, read_usage, use_between


def test_a_working_process_uses_time() -> None:
    core = min(os.sched_getaffinity(0))
    before = after = read_usage(os.getpid(), core)
    while after.cpu_s < before.cpu_s + 0.02:
        after = read_usage(os.getpid(), core)

    assert after.at_s > before.at_s


def test_a_process_holds_memory() -> None:
    held = read_memory(os.getpid())

    assert 0 < held.pss_kb <= held.rss_kb


def test_a_process_that_has_ended_is_gone() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()

    with pytest.raises(ServerGone):
        read_usage(ended.pid, 0)
    with pytest.raises(ServerGone):
        read_memory(ended.pid)


def moment(at_s: float, *, cpu_s: float = 0, idle_s: float = 0, waited_s: float = 0) -> Reading:
    return Reading(at_s=at_s, cpu_s=cpu_s, core_idle_s=idle_s, waited_s=waited_s)


def disturbed_s(before: Reading, after: Reading) -> float:
    return use_between(before, after, pss_before_kb=0, pss_kb=0).disturbed_s


def test_a_server_is_disturbed_while_others_have_its_core_and_it_waits() -> None:
    after = moment(10, cpu_s=4, idle_s=5, waited_s=0.5)

    assert disturbed_s(moment(0), after) == pytest.approx(0.5)
    assert use_between(moment(0), after, 0, 0).cpu_percent == pytest.approx(40)


def test_others_that_it_does_not_wait_for_do_not_disturb_it() -> None:
    assert disturbed_s(moment(0), moment(10, cpu_s=1, idle_s=0, waited_s=0)) == 0


def test_threads_of_its_own_that_wait_for_each_other_do_not_disturb_it() -> None:
    assert disturbed_s(moment(0), moment(10, cpu_s=10, idle_s=0, waited_s=8)) == 0


def test_ticks_that_do_not_add_up_are_nobody_elses() -> None:
    assert disturbed_s(moment(0), moment(1, cpu_s=0.6, idle_s=0.5, waited_s=1)) == 0


def test_no_time_between_two_readings_is_no_use() -> None:
    used = use_between(moment(1), moment(1), 0, 0)

    assert (used.cpu_percent, used.disturbed_percent) == (0, 0)
