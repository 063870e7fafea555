"""What the load generator is told."""

from __future__ import annotations

from bench.generator import Medium, target

URL = "http://127.0.0.1:9/whip"


def test_webrtc_is_offered_where_the_server_said() -> None:
    assert target(URL, Medium.WEBRTC) == ["--url", URL]


def test_websockets_go_to_the_endpoint_beside_it_in_their_dialect() -> None:
    for dialect in (Medium.RTP, Medium.TWILIO):
        assert target(URL, dialect) == [
            *("--url", "http://127.0.0.1:9/v2/ws"),
            *("--transport", "websocket"),
            *("--dialect", dialect),
        ]
