"""Listeners and addresses that cannot be together."""

from __future__ import annotations

from typing import Any

import pytest

from voicemedia_server.config.network import NetworkSettings, contradictions


def contradictions_of(**changed: Any) -> list[str]:
    """The names of the settings that contradict others."""
    return [name for name, _ in contradictions(NetworkSettings(**changed))]


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
        {"http": "127.0.0.1:3478", "ice_tcp": False},
        {"http": "127.0.0.1:0", "admin": "127.0.0.1:0"},
        {"admin": ""},
        {"ice_servers": ["turn:a", "stun:b"], "turn_secret_file": "a"},
        {"advertise": ["2001:db8::1"]},
    ],
)
def test_settings_that_go_together_are_taken(changed: dict[str, Any]) -> None:
    assert contradictions_of(**changed) == []
