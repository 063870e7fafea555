"""What the directory was not told yet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.registry.backlog import Backlog


def test_what_was_told_is_not_told_again() -> None:
    backlog = Backlog()
    for entry in "abc":
        backlog.put(entry)

    batch, upto = backlog.next(2)
    backlog.told(upto)

    assert batch == ["a", "b"]
    assert backlog.next(2)[0] == ["c"]


def test_what_could_not_be_told_comes_again() -> None:
    backlog = Backlog()
    backlog.put("a")
    backlog.next(10)
    backlog.put("b")

    assert backlog.next(10)[0] == ["a", "b"]


def test_a_full_one_drops_the_oldest_and_counts_it() -> None:
    backlog = Backlog(capacity_entries=2)
    for entry in "abcd":
        backlog.put(entry)

    assert backlog.next(10)[0] == ["c", "d"]
    assert backlog.dropped == 2


@given(st.integers(1, 5), st.integers(0, 20), st.integers(0, 20))
def test_entries_that_are_dropped_while_they_are_told_cost_no_others(
    capacity: int, before: int, meanwhile: int
) -> None:
    backlog = Backlog(capacity)
    put = [f"{number}" for number in range(before + meanwhile)]
    for entry in put[:before]:
        backlog.put(entry)

    batch, upto = backlog.next(3)
    for entry in put[before:]:
        backlog.put(entry)
    backlog.told(upto)

    left = [entry for entry in put[-capacity:] if entry not in batch] if put else []
    assert backlog.next(100)[0] == left
