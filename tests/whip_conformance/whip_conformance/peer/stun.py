"""STUN as ICE uses it (RFC 8489, RFC 8445 section 7): checks to send, checks to answer."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from aioice import stun

from whip_conformance.syntax.candidates import Credentials

PEER_REFLEXIVE_PRIORITY = 110 << 24 | 0xFFFF << 8 | 255


@dataclass(frozen=True, slots=True)
class Request:
    """A check that we sent. `transaction` ties the response to it."""

    transaction: bytes
    datagram: bytes


def new_check(ours: Credentials, theirs: Credentials, *, is_nominating: bool) -> Request:
    """A connectivity check of the controlling side."""
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={
            "USERNAME": f"{theirs.ufrag}:{ours.ufrag}",
            "PRIORITY": PEER_REFLEXIVE_PRIORITY,
            "ICE-CONTROLLING": secrets.randbits(64),
        },
    )
    if is_nominating:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(theirs.pwd.encode())
    return Request(message.transaction_id, bytes(message))


def new_unsigned_check(ours: Credentials, theirs: Credentials) -> Request:
    """A check without MESSAGE-INTEGRITY, which no agent may answer with success."""
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={
            "USERNAME": f"{theirs.ufrag}:{ours.ufrag}",
            "PRIORITY": PEER_REFLEXIVE_PRIORITY,
            "ICE-CONTROLLING": secrets.randbits(64),
            "USE-CANDIDATE": None,
        },
    )
    message.add_fingerprint()
    return Request(message.transaction_id, bytes(message))


def read_message(datagram: bytes) -> stun.Message | None:
    """The message, or None where the bytes are no STUN that we know."""
    try:
        return stun.parse_message(datagram)
    except ValueError:
        return None


def answer_to(request: stun.Message, ours: Credentials, address: tuple[str, int]) -> bytes | None:
    """A success, or None for a check that does not carry our password's integrity."""
    if not request.check_message_integrity(ours.pwd.encode()):
        return None
    response = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=request.transaction_id,
        attributes={"XOR-MAPPED-ADDRESS": address},
    )
    response.add_message_integrity(ours.pwd.encode())
    return bytes(response)
