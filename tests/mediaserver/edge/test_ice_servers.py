"""ICE servers, as one client is told of them."""

from __future__ import annotations

import base64
import hashlib
import hmac

from voicemedia_server.edge.ice_servers import IceServer, IceServers, pseudonym

TURN = "turn:turn.example.org:3478"


def test_turn_servers_get_credentials_that_end_and_stun_servers_none() -> None:
    servers = IceServers(("stun:stun.example.org", TURN), "secret", 600)

    stun, turn = servers.told_to("anna", 1000)

    password = base64.b64encode(hmac.new(b"secret", b"1600:anna", hashlib.sha1).digest()).decode()
    assert stun == IceServer("stun:stun.example.org")
    assert turn == IceServer(TURN, "1600:anna", password)


def test_without_a_secret_a_turn_server_is_told_as_it_is() -> None:
    assert list(IceServers((TURN,)).told_to("anna", 1000)) == [IceServer(TURN)]


def test_a_pseudonym_is_stable_and_fit_for_a_header() -> None:
    assert pseudonym("anna") == pseudonym("anna") != pseudonym("bob")
    assert pseudonym("\ud800 é\n").isalnum()
