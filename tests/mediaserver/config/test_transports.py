"""Transports, and the choice between them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from voicemedia_server.config.transports import TransportSettings


def test_by_default_clients_of_a_lone_server_are_given_webrtc() -> None:
    assert TransportSettings().webrtc_percent == 100


def test_by_default_a_silent_client_is_pinged_before_proxies_cut_it() -> None:
    assert TransportSettings().websocket_heartbeat_s < 30


@pytest.mark.parametrize("percent", [-0.1, 100.1])
def test_a_share_is_no_less_than_nothing_and_no_more_than_all(percent: float) -> None:
    with pytest.raises(ValidationError):
        TransportSettings(webrtc_percent=percent)
