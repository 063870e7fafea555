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
        ({"peer_url": "http://10.0.0.1:8080"}, ["peer_url"]),
        ({"peer_url": "http://10.0.0.1:8080", "fleet_secret_file": "a"}, []),
        ({"public_url": "http://10.0.0.1:8080"}, []),
        ({"public_url": "http://10.0.0.1", "registry_url": "redis://a"}, ["public_url"]),
        (
            {
                "public_url": "http://10.0.0.1",
                "registry_url": "redis://a",
                "fleet_secret_file": "a",
            },
            [],
        ),
        (
            {"silent_after_s": 30, "auth_mode": "jwt", "tls_key_file": "a"},
            ["tls_key_file", "auth_mode", "silent_after_s"],
        ),
    ],
)
def test_settings_of_several_topics_that_contradict_each_other_are_named(
    changed: dict[str, Any], wrong: list[str]
) -> None:
    assert contradictions_of(**changed) == wrong


def test_a_number_beyond_its_bounds_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(max_pending=0)


def test_secrets_are_left_out_of_the_representation() -> None:
    settings = Settings(auth_mode="token", auth_tokens=("hunter2",))

    assert "hunter2" not in repr(settings)


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(colour="red")  # type: ignore[call-arg]  # as a file would have it


def test_a_switch_is_no_number() -> None:
    with pytest.raises(ValidationError):
        Settings(max_sessions=True)
