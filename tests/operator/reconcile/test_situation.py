"""What a plan is made from: which pods count as what."""

from __future__ import annotations

from fleets.resources import NOW, OLD_REVISION, draining, pod, starting
from fleets.situations import situation


def test_each_pod_counts_where_it_belongs() -> None:
    ended = pod("g", has_ended=True)
    seen = situation(
        pod("a"),
        starting("b"),
        pod("c", revision=OLD_REVISION),
        draining("d", 1),
        pod("e", ends_unix_s=NOW + 9),
        ended,
    )

    assert [each.name for each in seen.pods] == ["a", "b", "c", "d", "e", "g"]
    assert [each.name for each in seen.working] == ["a", "b", "c"]
    assert [each.name for each in seen.available] == ["a", "c"]
    assert [each.name for each in seen.updated] == ["a", "b"]
    assert [each.name for each in seen.draining] == ["d", "e"]
