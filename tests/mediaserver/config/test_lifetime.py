"""Times and numbers of sessions that cannot be together."""

from __future__ import annotations

from typing import Any

import pytest

from voicemedia_server.config.lifetime import LifetimeSettings, contradictions


def contradictions_of(**changed: Any) -> list[str]:
    """The names of the settings that contradict others."""
    return [name for name, _ in contradictions(LifetimeSettings(**changed))]


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"silent_after_s": 30}, ["silent_after_s"]),
    ],
)
def test_settings_that_contradict_each_other_are_named(
    changed: dict[str, Any], wrong: list[str]
) -> None:
    assert contradictions_of(**changed) == wrong


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"silent_after_s": 60, "consent_timeout_s": 0},
        {"max_sessions": 10},
    ],
)
def test_settings_that_go_together_are_taken(changed: dict[str, Any]) -> None:
    assert contradictions_of(**changed) == []
