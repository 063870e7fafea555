"""Every setting, and which cannot be together."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from voicemedia_server.config.settings import Option, Settings, options

BY_NAME = {option.name: option for option in options()}


def contradictions_of(**changed: Any) -> list[str]:
    """The names of the settings that contradict others."""
    try:
        Settings(**changed)
    except ValidationError as failure:
        (error,) = failure.errors()
        assert error["type"] == "contradictions"
        return [name for name, _ in error["ctx"]["found"]]
    return []


def test_the_defaults_fit_together() -> None:
    assert contradictions_of() == []


def test_settings_cannot_be_changed_once_read() -> None:
    settings = Settings()

    with pytest.raises(AttributeError):
        settings.max_sessions = 1  # type: ignore[misc]  # that it is frozen is the claim


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
def test_every_setting_is_explained(option: Option) -> None:
    assert option.description.endswith(".")
    assert len(option.description.split()) >= 3
    assert option.form


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
def test_a_setting_that_measures_carries_its_unit(option: Option) -> None:
    sessions = {"max_sessions", "max_pending", "max_transcoded_sessions", "fleet_max_sessions"}
    counts = sessions | {"post_burst", "patch_burst", "delete_burst"}
    is_number = isinstance(option.default, int | float) and not isinstance(option.default, bool)

    has_unit = re.search(r"_(s|ms|bytes|percent)$", option.name) is not None

    assert has_unit is (is_number and option.name not in counts)


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
def test_a_setting_has_one_name_in_three_spellings(option: Option) -> None:
    assert option.flag == "--" + option.name.replace("_", "-")
    assert option.variable == "VOICEMEDIA_" + option.name.upper()


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"tls_cert_file": "a"}, ["tls_cert_file"]),
        ({"tls_key_file": "a"}, ["tls_key_file"]),
        ({"admin": "127.0.0.1:8080"}, ["admin"]),
        ({"http": "0.0.0.0:3478"}, ["http"]),
        ({"admin": "127.0.0.1:3478"}, ["admin"]),
        ({"advertise": []}, ["advertise"]),
        ({"advertise": ["stun"], "stun_servers": []}, ["stun_servers"]),
        ({"udp": "0.0.0.0:3478", "advertise": ["2001:db8::1"]}, ["advertise"]),
        ({"ice_servers": ["turn:a"]}, ["ice_servers"]),
        ({"auth_mode": "token"}, ["auth_mode"]),
        ({"auth_mode": "jwt"}, ["auth_mode"]),
        ({"auth_tokens": ["a"]}, ["auth_tokens"]),
        ({"auth_tokens_file": "a"}, ["auth_tokens_file"]),
        ({"jwks_file": "a"}, ["jwks_file"]),
        ({"jwks_url": "https://a"}, ["jwks_url"]),
        ({"auth_mode": "jwt", "jwks_url": "https://a", "jwks_file": "a"}, ["jwks_file"]),
        ({"jwt_algorithms": []}, ["jwt_algorithms"]),
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
        {"http": "127.0.0.1:3478", "ice_tcp": False},
        {"http": "127.0.0.1:0", "admin": "127.0.0.1:0"},
        {"admin": ""},
        {"silent_after_s": 60, "consent_timeout_s": 0},
        {"ice_servers": ["turn:a", "stun:b"], "turn_secret_file": "a"},
        {"auth_mode": "token", "auth_tokens": ["a"]},
        {"auth_mode": "token", "auth_tokens_file": "a"},
        {"auth_mode": "jwt", "jwks_file": "a"},
        {"max_sessions": 10},
        {"advertise": ["2001:db8::1"]},
    ],
)
def test_settings_that_go_together_are_taken(changed: dict[str, Any]) -> None:
    assert contradictions_of(**changed) == []


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS384", "HS512", "hs256", "ES256K"])
def test_an_algorithm_that_proves_nothing_is_never_taken(algorithm: str) -> None:
    with pytest.raises(ValidationError):
        Settings(jwt_algorithms=[algorithm])  # type: ignore[arg-type]  # as a file would have it


def test_secrets_are_left_out_of_the_representation() -> None:
    settings = Settings(auth_mode="token", auth_tokens=("hunter2",))

    assert "hunter2" not in repr(settings)


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(colour="red")  # type: ignore[call-arg]  # as a file would have it


def test_a_switch_is_no_number() -> None:
    with pytest.raises(ValidationError):
        Settings(max_sessions=True)
