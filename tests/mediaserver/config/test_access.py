"""Ways to be let in that cannot be together."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from voicemedia_server.config.access import AccessSettings, contradictions


def contradictions_of(**changed: Any) -> list[str]:
    """The names of the settings that contradict others."""
    return [name for name, _ in contradictions(AccessSettings(**changed))]


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"auth_mode": "token"}, ["auth_mode"]),
        ({"auth_mode": "jwt"}, ["auth_mode"]),
        ({"auth_tokens": ["a"]}, ["auth_tokens"]),
        ({"auth_tokens_file": "a"}, ["auth_tokens_file"]),
        ({"jwks_file": "a"}, ["jwks_file"]),
        ({"jwks_url": "https://a"}, ["jwks_url"]),
        ({"auth_mode": "jwt", "jwks_url": "https://a", "jwks_file": "a"}, ["jwks_file"]),
        ({"jwt_algorithms": []}, ["jwt_algorithms"]),
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
        {"auth_mode": "token", "auth_tokens": ["a"]},
        {"auth_mode": "token", "auth_tokens_file": "a"},
        {"auth_mode": "jwt", "jwks_file": "a"},
    ],
)
def test_settings_that_go_together_are_taken(changed: dict[str, Any]) -> None:
    assert contradictions_of(**changed) == []


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS384", "HS512", "hs256", "ES256K"])
def test_an_algorithm_that_proves_nothing_is_never_taken(algorithm: str) -> None:
    with pytest.raises(ValidationError):
        AccessSettings(jwt_algorithms=[algorithm])  # type: ignore[arg-type]  # as a file would have it
