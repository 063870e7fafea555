"""Any datagram is dropped or answered, by itself and as the attributes of a check that is sealed
with the right password."""

from __future__ import annotations

import struct

from aioice import stun

from voicemedia_server.sessions.offer import IceCredentials
from voicemedia_server.webrtc.ice_lite import (
    IcePair,
    StunDropped,
    answer_check,
    read_check,
    read_stun,
)

PAIR = IcePair(
    local=IceCredentials("ourUfrag", "ourPasswordOf24Characters"),
    remote=IceCredentials("abcd", "theirPasswordOf24Charact"),
)
KEY = PAIR.local.pwd.encode()
SOURCE = ("2001:db8::7", 50_000)
MAX_RESPONSE_BYTES = 80


def take(data: bytes) -> None:
    drop_or_answer(data)
    drop_or_answer(sealed(data))


def drop_or_answer(datagram: bytes) -> None:
    try:
        check = read_check(read_stun(datagram))
        response = answer_check(check, PAIR, SOURCE)
    except StunDropped as dropped:
        if dropped.response is None:
            return
        response = dropped.response
    read = stun.parse_message(response)
    assert read.transaction_id == datagram[8:20]
    assert read.check_message_integrity(KEY)
    assert len(response) <= MAX_RESPONSE_BYTES


def sealed(attributes: bytes) -> bytes:
    """A check with a good name, then these attributes, then the seal."""
    body = attributes + bytes(-len(attributes) % 4)
    name = PAIR.username.encode()
    body = struct.pack("!HH", 6, len(name)) + name + bytes(-len(name) % 4) + body
    length = (len(body) + stun.INTEGRITY_LENGTH) & 0xFFFF
    covered = struct.pack("!HHI", 1, length, stun.COOKIE) + bytes(12) + body
    return covered + struct.pack("!HH", 8, 20) + stun.message_integrity(covered, KEY)
