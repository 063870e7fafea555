"""Secrets: those that the operator makes once, and those that somebody else must."""

from __future__ import annotations

from typing import Any

import pytest

from fleets.resources import resource, spec_of
from voicemedia_operator.reconcile.objects.manifest import key_of
from voicemedia_operator.reconcile.objects.secret import (
    missing_secrets,
    secrets_to_make,
)

JWT = {"mode": "JWT", "jwt": {"jwksSecretRef": {"name": "keys", "key": "jwks"}}}


def made(seen: dict[str, frozenset[str]], **members: Any) -> dict[str, dict[str, int]]:
    found = secrets_to_make(resource(**members), spec_of(**members), seen)
    return {key_of(each.manifest).name: dict(each.random_bytes) for each in found}


def test_what_pods_share_and_the_callers_token_are_made_with_random_texts() -> None:
    assert made({}) == {
        "voice-fleet": {"secret": 32, "admin-token": 32},
        "voice-tokens": {"tokens": 32},
    }


def test_a_secret_that_is_there_is_never_changed() -> None:
    assert made({"voice-fleet": frozenset(), "voice-tokens": frozenset()}) == {}


@pytest.mark.parametrize(
    "auth",
    [
        {"mode": "None"},
        {"mode": "Token", "tokensSecretRef": {"name": "mine", "key": "t"}},
        JWT,
    ],
)
def test_no_token_is_made_where_nobody_asks_for_it_or_somebody_gave_one(auth: object) -> None:
    assert made({}, signaling={"auth": auth}).keys() == {"voice-fleet"}


def test_a_given_secret_is_missing_without_its_key() -> None:
    spec = spec_of(signaling={"auth": JWT})

    assert [each.name for each in missing_secrets(spec, {})] == ["keys"]
    assert [each.name for each in missing_secrets(spec, {"keys": frozenset({"x"})})] == ["keys"]
    assert missing_secrets(spec, {"keys": frozenset({"jwks"})}) == ()
