"""`Link` header fields that any RFC 8288 parser understands."""

from __future__ import annotations

import base64
import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.edge.ice_servers import IceServers
from voicemedia_server.whip.links import events_link, ice_server_links, link, quoted

SERVERS = IceServers(
    ("stun:stun.example.org:3478", "turn:turn.example.org:3478?transport=udp"), "secret", 600
)


def test_a_stun_server_has_no_credentials_and_a_turn_server_its_own() -> None:
    stun, turn = ice_server_links(SERVERS, 1000, "caller")

    password = base64.b64encode(hmac.new(b"secret", b"1600:caller", hashlib.sha1).digest()).decode()
    assert stun == '<stun:stun.example.org:3478>; rel="ice-server"'
    assert turn == (
        '<turn:turn.example.org:3478?transport=udp>; rel="ice-server"; '
        f'username="1600:caller"; credential="{password}"; credential-type="password"'
    )


def test_the_event_stream_has_a_relation_of_our_own() -> None:
    assert events_link("https://host/e") == (
        '<https://host/e>; rel="https://voicemedia.dev/rel/session-events"; '
        'events="state,reconnect,closed"'
    )


def unquoted(value: str) -> str:
    """A reader by the grammar of RFC 9110."""
    inner, out, escaped = value[1:-1], "", False
    for character in inner:
        if character == "\\" and not escaped:
            escaped = True
            continue
        assert escaped or character != '"'
        out, escaped = out + character, False
    return out


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_whatever_is_quoted_can_be_read_back(value: str) -> None:
    assert unquoted(quoted(value)) == value
    assert quoted(value) in link("turn:h", "ice-server", username=value)
