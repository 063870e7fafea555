"""Bodies of POST /v2/session."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.decisions.requests import (
    DecisionRequestMalformed,
    describe_ice_servers,
    read_request,
)
from voicemedia_server.edge.ice_servers import IceServer


def test_the_least_that_can_be_asked() -> None:
    asked = read_request(b'{"client_id": "anna", "capabilities": {"webrtc": true}}')

    assert (asked.client_id, asked.tenant, asked.resume) == ("anna", None, None)
    assert (asked.capabilities.webrtc, asked.capabilities.websocket) == (True, True)


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({"capabilities": {"webrtc": True}}, "client_id"),
        ({"client_id": "", "capabilities": {"webrtc": True}}, "client_id"),
        ({"client_id": "a" * 129, "capabilities": {"webrtc": True}}, "client_id"),
        ({"client_id": 7, "capabilities": {"webrtc": True}}, "client_id"),
        ({"client_id": "anna"}, "capabilities"),
        ({"client_id": "anna", "capabilities": {}}, "capabilities.webrtc"),
        ({"client_id": "anna", "capabilities": {"webrtc": "yes"}}, "capabilities.webrtc"),
        ({"client_id": "anna", "capabilities": {"webrtc": True, "wbsocket": 1}}, "wbsocket"),
        ({"client_id": "anna", "capabilities": {"webrtc": True}, "resume": ""}, "resume"),
        ([], "the body"),
    ],
)
def test_an_error_names_the_member(body: object, member: str) -> None:
    with pytest.raises(DecisionRequestMalformed, match=member):
        read_request(json.dumps(body).encode())


@given(st.binary(max_size=50))
def test_garbage_is_refused_and_nothing_worse(body: bytes) -> None:
    with pytest.raises(DecisionRequestMalformed):
        read_request(body)


def test_ice_servers_are_as_a_browser_takes_them() -> None:
    assert describe_ice_servers([IceServer("stun:a"), IceServer("turn:b", "u", "p")]) == [
        {"urls": ["stun:a"]},
        {"urls": ["turn:b"], "username": "u", "credential": "p"},
    ]
