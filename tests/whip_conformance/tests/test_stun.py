from __future__ import annotations

from aioice import stun as wire

from whip_conformance.offers import new_credentials
from whip_conformance.peer.stun import (
    answer_to,
    new_check,
    new_unsigned_check,
    read_message,
)

OURS, THEIRS = new_credentials(), new_credentials()


def test_a_check_is_signed_with_the_other_sides_password() -> None:
    message = read_message(new_check(OURS, THEIRS, is_nominating=False).datagram)

    assert message is not None
    assert message.attributes["USERNAME"] == f"{THEIRS.ufrag}:{OURS.ufrag}"
    assert message.check_message_integrity(THEIRS.pwd.encode())
    assert "USE-CANDIDATE" not in message.attributes


def test_a_nominating_check_says_so() -> None:
    message = read_message(new_check(OURS, THEIRS, is_nominating=True).datagram)

    assert message is not None
    assert "USE-CANDIDATE" in message.attributes


def test_an_unsigned_check_has_no_integrity_at_all() -> None:
    message = read_message(new_unsigned_check(OURS, THEIRS).datagram)

    assert message is not None
    assert not message.check_message_integrity(THEIRS.pwd.encode())


def test_a_check_with_our_password_is_answered_with_success() -> None:
    request = read_message(new_check(THEIRS, OURS, is_nominating=False).datagram)
    assert request is not None

    response = read_message(answer_to(request, OURS, ("192.0.2.1", 9)) or b"")

    assert response is not None
    assert response.message_class is wire.Class.RESPONSE
    assert response.transaction_id == request.transaction_id
    assert response.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.1", 9)
    assert response.check_message_integrity(OURS.pwd.encode())


def test_a_check_with_another_password_is_not_answered() -> None:
    request = read_message(new_check(THEIRS, new_credentials(), is_nominating=False).datagram)
    assert request is not None

    assert answer_to(request, OURS, ("192.0.2.1", 9)) is None


def test_what_is_no_stun_is_no_message() -> None:
    assert read_message(b"\x00\x01") is None
    assert read_message(bytes(20)) is None
