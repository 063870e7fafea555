"""What people read at the start."""

from __future__ import annotations

import pytest

from voicemedia_server.config.sources import load
from voicemedia_server.ports import Endpoint
from voicemedia_server.welcome import exposures, greeting


def test_the_greeting_names_every_url() -> None:
    endpoints = (Endpoint("::", 3478), Endpoint("::", 3478, is_tcp=True))

    assert greeting("1.2.3", "http://127.0.0.1:8080", "http://127.0.0.1:8081", endpoints) == (
        "voicemedia 1.2.3 is ready; Ctrl-C drains and leaves\n"
        "  page     http://127.0.0.1:8080/\n"
        "  WHIP     http://127.0.0.1:8080/whip\n"
        "  WS       ws://127.0.0.1:8080/v2/ws\n"
        "  metrics  http://127.0.0.1:8080/metrics\n"
        "  media    UDP and TCP [::]:3478\n"
        "  admin    http://127.0.0.1:8081 (POST /drain, /undrain)"
    )


def test_the_greeting_leaves_out_what_is_off() -> None:
    text = greeting("1.2.3", "http://127.0.0.1:8080", None, (Endpoint("0.0.0.0", 3478),))

    assert "admin" not in text
    assert "UDP 0.0.0.0:3478" in text


@pytest.mark.parametrize(
    ("arguments", "warned_of"),
    [
        ([], []),
        (["--http", "0.0.0.0:8080"], ["set auth_mode", "HTTP is not encrypted"]),
        (["--http", "[::]:8080"], ["set auth_mode", "HTTP is not encrypted"]),
        (["--http", "0.0.0.0:8080", "--trusted-proxies", "10.0.0.0/8"], ["set auth_mode"]),
        (
            ["--http", "0.0.0.0:8080", "--tls-cert-file", "a", "--tls-key-file", "b"],
            ["set auth_mode"],
        ),
        (["--admin", "0.0.0.0:8081"], ["the admin port is open"]),
        (["--admin", ""], []),
    ],
)
def test_an_open_door_is_warned_of(arguments: list[str], warned_of: list[str]) -> None:
    warnings = list(exposures(load(arguments, {}).settings))

    assert len(warnings) == len(warned_of)
    assert all(part in text for part, text in zip(warned_of, warnings, strict=True))


def test_asking_for_tokens_closes_the_door() -> None:
    arguments = ["--http", "0.0.0.0:8080", "--trusted-proxies", "10.0.0.0/8"]
    environment = {"VOICEMEDIA_AUTH_MODE": "token", "VOICEMEDIA_AUTH_TOKENS": "abc"}

    assert list(exposures(load(arguments, environment).settings)) == []
