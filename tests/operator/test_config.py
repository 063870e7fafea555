"""The operator's settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicemedia_operator.config import (
    DEFAULTS,
    PREFIX,
    Settings,
    SettingWrong,
    listen_address,
    read_settings,
)

SAMPLES = {
    "namespaces": ("calls, more", ("calls", "more")),
    "http": ("127.0.0.1:9000", "127.0.0.1:9000"),
    "lease": ("mine", "mine"),
    "poll_s": ("0.5", 0.5),
    "resync_s": ("60", 60.0),
    "api_deadline_s": ("5", 5.0),
    "pod_deadline_s": ("2", 2.0),
    "stuck_s": ("90", 90.0),
    "watch_nodes": ("false", False),
    "log_level": ("debug", "debug"),
}


def test_nothing_must_be_said() -> None:
    settings = read_settings({}, "this-machine")

    assert settings == Settings(identity="this-machine")


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_setting_is_a_variable(name: str) -> None:
    text, expected = SAMPLES[name]

    assert getattr(read_settings({PREFIX + name.upper(): text}, "here"), name) == expected


def test_a_pod_tells_who_and_where_it_is() -> None:
    pod = {"POD_NAME": "operator-1", "POD_NAMESPACE": "system"}

    settings = read_settings(pod, "here")

    assert (settings.identity, settings.namespace) == ("operator-1", "system")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("POLL_S", "often"),
        ("POLL_S", "0"),
        ("POLL_S", "nan"),
        ("WATCH_NODES", "yes"),
        ("NAMESPACES", "Calls"),
        ("HTTP", "8080"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_its_name(name: str, text: str) -> None:
    with pytest.raises(SettingWrong, match=PREFIX + name):
        read_settings({PREFIX + name: text}, "here")


def test_a_setting_that_is_none_is_refused() -> None:
    with pytest.raises(SettingWrong, match="COLOUR is no setting"):
        read_settings({PREFIX + "COLOUR": "blue"}, "here")


def test_an_ipv6_address_is_listened_on_without_its_brackets() -> None:
    assert listen_address(Settings(http="[::1]:8080")) == ("::1", 8080)


def test_by_default_all_addresses_are_listened_on() -> None:
    assert listen_address(Settings()) == (None, 8080)


PAGE = Path(__file__).parents[2] / "docs" / "operator.md"


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_setting_is_on_the_page(name: str) -> None:
    assert f"`{PREFIX}{name.upper()}`" in PAGE.read_text(encoding="utf-8")
