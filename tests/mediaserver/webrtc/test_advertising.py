"""Which addresses clients are told at the start."""

from __future__ import annotations

import pytest

from voicemedia_server.config.sources import load
from voicemedia_server.webrtc.addresses import Advertised
from voicemedia_server.webrtc.advertising import is_out_of_reach, known_addresses


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--advertise", "203.0.113.4"], ["203.0.113.4"]),
        (["--advertise", "203.0.113.4:9,198.51.100.1"], ["203.0.113.4:9", "198.51.100.1"]),
        (["--advertise", "host"], ["127.0.0.1"]),
        (["--advertise", "stun,203.0.113.4,host"], ["127.0.0.1", "203.0.113.4"]),
        (["--advertise", "host", "--http", "0.0.0.0:8080"], ["127.0.0.1"]),
    ],
)
def test_the_addresses_of_the_setting_are_told_in_its_order(
    arguments: list[str], told: list[str]
) -> None:
    addresses = known_addresses(load(arguments, {}).settings, listen_host="127.0.0.1")

    assert [f"{a.host}:{a.port}" if a.port else a.host for a in addresses] == told


@pytest.mark.parametrize(
    ("http", "address", "is_out"),
    [
        ("127.0.0.1:8080", "10.0.0.1", False),
        ("0.0.0.0:8080", "10.0.0.1", True),
        ("0.0.0.0:8080", "8.8.8.8", False),
    ],
)
def test_media_that_nobody_outside_can_reach_is_noticed(
    http: str, address: str, is_out: bool
) -> None:
    settings = load(["--http", http], {}).settings

    assert is_out_of_reach(settings, [Advertised(address)]) is is_out
