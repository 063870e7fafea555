"""Capacity of a pod, and its exposure."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from voicemedia_operator.spec.media import Exposure, ExposureMode, IceServer, Media, PortRange


def test_a_pod_has_its_own_address_and_the_port_of_stun_unless_something_is_said() -> None:
    assert Exposure().mode is ExposureMode.POD_IP
    assert Exposure().mux_port == 3478


def test_a_range_may_have_one_port() -> None:
    assert PortRange(first=31000, last=31000).first == 31000


@pytest.mark.parametrize("mode", [mode for mode in ExposureMode if mode != ExposureMode.HOST_PORT])
def test_only_host_ports_need_a_range(mode: ExposureMode) -> None:
    assert Exposure(mode=mode).port_range is None


@pytest.mark.parametrize("address", ["stun", "192.0.2.7", "2001:db8::7"])
def test_an_address_or_stun_is_advertised(address: str) -> None:
    assert Exposure(advertised_address=address).advertised_address == address


@pytest.mark.parametrize(
    "address", ["voice.example.org", "192.0.2.07", "fe80::1%eth0", "192.0.2.7:1"]
)
def test_what_no_client_could_send_to_is_not_advertised(address: str) -> None:
    with pytest.raises(ValidationError, match="rules are broken"):
        Exposure(advertised_address=address)


@pytest.mark.parametrize("url", ["http://a", "turn://a", "turn:", "turn:a b", "TURN:a"])
def test_a_server_that_is_no_stun_or_turn_uri_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        IceServer(urls=(url,))


def test_a_stun_server_needs_no_credentials() -> None:
    assert Media(ice_servers=(IceServer(urls=("stun:stun.example.org:3478",)),)).turn_ttl_s == 3600
