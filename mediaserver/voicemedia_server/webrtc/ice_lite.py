"""ICE-lite (RFC 8445 section 2.5): we answer checks and never send any.

Only a check with a known username fragment and the right MESSAGE-INTEGRITY is answered; what it
means for the peer (bind, select, restart done) is returned as a `Check`. Pure: datagrams in,
decisions out. The STUN codec is aioice's.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from dataclasses import dataclass

from aioice import stun

from voicemedia_server.relay.drops import DropReason
from voicemedia_server.sessions.offer import IceCredentials

UFRAG_BYTES = 6  # 48 bits; RFC 8445 section 5.3 asks for 24
PWD_BYTES = 18  # 144 bits; it asks for 128


class StunDropped(Exception):
    """A STUN message that gets no success."""

    def __init__(self, reason: DropReason, response: bytes | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.response = response


def new_credentials(random_bytes: Callable[[int], bytes]) -> IceCredentials:
    """Fresh credentials of ice-char's (RFC 8839 section 5.4)."""

    def text(count: int) -> str:
        return base64.b64encode(random_bytes(count), b"+/").decode().rstrip("=")

    return IceCredentials(ufrag=text(UFRAG_BYTES), pwd=text(PWD_BYTES))


@dataclass(frozen=True, slots=True)
class IcePair:
    """The credentials of both sides in one ICE session."""

    local: IceCredentials
    remote: IceCredentials

    @property
    def username(self) -> str:
        """What the client puts into USERNAME (RFC 8445 section 7.2.2)."""
        return f"{self.local.ufrag}:{self.remote.ufrag}"


@dataclass(frozen=True, slots=True)
class Check:
    """A connectivity check, read but not yet verified."""

    message: stun.Message
    username: str

    @property
    def local_ufrag(self) -> str:
        """Finds the peer."""
        return self.username.partition(":")[0]

    @property
    def nominates(self) -> bool:
        """The client wants media on this path."""
        return "USE-CANDIDATE" in self.message.attributes


def read_stun(datagram: bytes) -> stun.Message:
    """Raises `StunDropped`."""
    try:
        return stun.parse_message(datagram)
    except (ValueError, struct.error) as failure:
        raise StunDropped(DropReason.STUN_MALFORMED) from failure


def read_check(message: stun.Message) -> Check:
    """Raises `StunDropped` where this is no binding request with a username."""
    is_request = message.message_class is stun.Class.REQUEST
    username = message.attributes.get("USERNAME")
    if (
        not is_request
        or message.message_method is not stun.Method.BINDING
        or not isinstance(username, str)
    ):
        raise StunDropped(DropReason.STUN_NOT_A_CHECK)
    return Check(message, username)


def answer_check(check: Check, pair: IcePair, source: tuple[str, int]) -> bytes:
    """Verifies a check and writes the success response (RFC 8489 sections 9.1.3, 6.3.1).

    Raises `StunDropped`; with a 487 response where the client claims our own role.
    """
    if check.username != pair.username:
        raise StunDropped(DropReason.STUN_UNKNOWN_UFRAG)
    key = pair.local.pwd.encode()
    if not check.message.check_message_integrity(key):
        raise StunDropped(DropReason.STUN_BAD_INTEGRITY)
    if "ICE-CONTROLLED" in check.message.attributes:
        conflict = stun.Message(stun.Method.BINDING, stun.Class.ERROR, check.message.transaction_id)
        conflict.attributes["ERROR-CODE"] = (487, "Role Conflict")
        conflict.add_message_integrity(key)
        raise StunDropped(DropReason.STUN_ROLE_CONFLICT, bytes(conflict))
    response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, check.message.transaction_id)
    response.attributes["XOR-MAPPED-ADDRESS"] = source
    response.add_message_integrity(key)
    return bytes(response)
