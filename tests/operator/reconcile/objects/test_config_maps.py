"""ConfigMaps: the last spec without faults, and the flag document."""

from __future__ import annotations

from typing import Any

import pytest

from fleets.resources import resource, spec_of
from voicemedia_operator.reconcile.objects.config_maps import (
    accepted,
    flags,
    read_accepted,
    read_flags,
)


def test_a_spec_is_read_back_as_it_was_written() -> None:
    members: dict[str, Any] = {"replicas": 3, "rollout": {"weight": 5}}

    assert read_accepted(accepted(resource(**members))) == spec_of(**members)


@pytest.mark.parametrize(
    "seen",
    [
        None,
        {},
        {"data": None},
        {"data": {}},
        {"data": {"spec.json": "{"}},
        {"data": {"spec.json": "[]"}},
        {"data": {"spec.json": '{"replicas": 1}'}},
    ],
)
def test_what_is_no_spec_counts_as_none(seen: dict[str, Any] | None) -> None:
    assert read_accepted(seen) is None


def test_flags_are_read_back_as_they_were_written() -> None:
    assert read_flags(flags(resource(), "{}", "abc")) == "{}"
    assert read_flags(None) is None
