"""Connectivity checks as bytes: a published one, aioice's, changed ones, and any bytes at all."""

from __future__ import annotations

import re
import struct

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.webrtc.builders import OURS, THEIRS
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.sessions.offer import IceCredentials
from voicemedia_server.webrtc.ice_lite import (
    PWD_BYTES,
    UFRAG_BYTES,
    IcePair,
    StunDropped,
    answer_check,
    new_credentials,
    read_check,
    read_stun,
)

PAIR = IcePair(local=OURS, remote=THEIRS)
SOURCE = ("192.0.2.7", 50_000)
TRANSACTION = bytes(range(12))
INTEGRITY_BYTES, FINGERPRINT_BYTES = 24, 8

# RFC 5769 section 2.1: a request with the short-term credentials of an ICE check.
PUBLISHED = bytes.fromhex(
    "00010058 2112a442 b7e7a701 bc34d686 fa87dfae"
    "80220010 5354554e 20746573 7420636c 69656e74"  # SOFTWARE
    "00240004 6e0001ff"  # PRIORITY
    "80290008 932ff9b1 51263b36"  # ICE-CONTROLLED
    "00060009 6576746a 3a683676 59202020"  # USERNAME
    "00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2"  # MESSAGE-INTEGRITY
    "80280004 e57a3bcf"  # FINGERPRINT
)
PUBLISHED_PAIR = IcePair(
    local=IceCredentials("evtj", "VOkJxbRl1RmTxUk/WvJxBt"), remote=IceCredentials("h6vY", "")
)

# The same kind of request of a controlling agent that nominates, written down from aioice.
NOMINATING = bytes.fromhex(
    "0001004c 2112a442 00010203 04050607 08090a0b"
    "0006000d 6f757255 66726167 3a616263 64000000"  # USERNAME ourUfrag:abcd
    "00240004 6e7f00ff"  # PRIORITY
    "802a0008 00000000 00000001"  # ICE-CONTROLLING
    "00250000"  # USE-CANDIDATE
)


def a_check(
    *,
    username: str = PAIR.username,
    pwd: str = OURS.pwd,
    role: str = "ICE-CONTROLLING",
    nominates: bool = False,
) -> stun.Message:
    """A check as a browser makes it."""
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, TRANSACTION)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 0x6E7F00FF
    message.attributes[role] = 1
    if nominates:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(pwd.encode())
    return message


def answer(datagram: bytes, pair: IcePair = PAIR, source: tuple[str, int] = SOURCE) -> bytes:
    """What is sent back."""
    return answer_check(read_check(read_stun(datagram)), pair, source)


def dropped(datagram: bytes, pair: IcePair = PAIR) -> StunDropped:
    """Why nothing, or no success, is sent back."""
    with pytest.raises(StunDropped) as refused:
        answer(datagram, pair)
    return refused.value


# -- checks that are good -------------------------------------------------------------------


def test_a_check_is_written_by_aioice_as_it_stands_here() -> None:
    message = bytes(a_check(nominates=True))

    assert message[: len(NOMINATING)] == NOMINATING


@pytest.mark.parametrize("source", [SOURCE, ("2001:db8::7", 50_000)])
def test_a_good_check_is_told_where_it_came_from(source: tuple[str, int]) -> None:
    response = stun.parse_message(answer(bytes(a_check()), source=source))

    assert response.message_class is stun.Class.RESPONSE
    assert response.message_method is stun.Method.BINDING
    assert response.transaction_id == TRANSACTION
    assert response.attributes["XOR-MAPPED-ADDRESS"] == source


def test_a_response_proves_that_it_is_ours() -> None:
    response = stun.parse_message(answer(bytes(a_check())))

    assert response.check_message_integrity(OURS.pwd.encode())
    assert "FINGERPRINT" in response.attributes
    assert set(response.attributes) == {"XOR-MAPPED-ADDRESS", "MESSAGE-INTEGRITY", "FINGERPRINT"}


def test_the_bytes_of_a_response() -> None:
    response = answer(bytes(a_check()))

    assert response[:32] == bytes.fromhex(
        "0101002c 2112a442 00010203 04050607 08090a0b"
        "00200008 0001e242 e112a645"  # 50000 xor 0x2112, 192.0.2.7 xor 0x2112a442
    )
    assert struct.unpack("!HH", response[32:36]) == (0x0008, 20)
    assert struct.unpack("!HH", response[56:60]) == (0x8028, 4)


@pytest.mark.parametrize("source", [SOURCE, ("2001:db8::7", 50_000)])
@pytest.mark.parametrize("role", ["ICE-CONTROLLING", "ICE-CONTROLLED"])
def test_what_is_sent_back_is_never_more_than_what_came(source: tuple[str, int], role: str) -> None:
    check = bytes(a_check(role=role))
    try:
        response = answer(check, source=source)
    except StunDropped as refused:
        response = refused.response or b""

    assert len(response) <= len(check)


def test_a_check_tells_which_peer_is_meant_and_whether_it_nominates() -> None:
    plain = read_check(read_stun(bytes(a_check())))
    nominating = read_check(read_stun(bytes(a_check(nominates=True))))

    assert plain.local_ufrag == nominating.local_ufrag == OURS.ufrag
    assert (plain.nominates, nominating.nominates) == (False, True)


def test_a_check_without_fingerprint_is_a_check() -> None:
    message = a_check()
    del message.attributes["FINGERPRINT"]

    assert answer(bytes(message))


def test_an_attribute_that_nobody_knows_is_passed_over() -> None:
    message = a_check()
    covered = bytes(message)[: -INTEGRITY_BYTES - FINGERPRINT_BYTES]
    covered += bytes.fromhex("c0570004 00010032")  # a network cost, as Chromium sends it
    integrity = stun.message_integrity(covered, OURS.pwd.encode())
    datagram = covered + struct.pack("!HH", 8, 20) + integrity
    datagram = stun.set_body_length(datagram, len(datagram) - 20)

    assert answer(datagram)


# -- checks that are not --------------------------------------------------------------------


def test_the_published_request_is_authentic_and_claims_our_role() -> None:
    refused = dropped(PUBLISHED, PUBLISHED_PAIR)

    assert refused.reason is DropReason.STUN_ROLE_CONFLICT
    assert refused.response is not None
    response = stun.parse_message(refused.response)
    assert response.message_class is stun.Class.ERROR
    assert response.error_code == 487
    assert response.transaction_id == PUBLISHED[8:20]
    assert response.check_message_integrity(PUBLISHED_PAIR.local.pwd.encode())


def test_the_published_request_is_not_authentic_under_another_password() -> None:
    pair = IcePair(IceCredentials("evtj", "VOkJxbRl1RmTxUk/WvJxBT"), PUBLISHED_PAIR.remote)

    assert dropped(PUBLISHED, pair).reason is DropReason.STUN_BAD_INTEGRITY


def test_a_check_sealed_with_another_password_gets_no_answer() -> None:
    refused = dropped(bytes(a_check(pwd=THEIRS.pwd)))

    assert refused.reason is DropReason.STUN_BAD_INTEGRITY
    assert refused.response is None


@pytest.mark.parametrize(
    "username",
    [
        f"{OURS.ufrag}:",
        f"{OURS.ufrag}:{THEIRS.ufrag}x",
        f"{OURS.ufrag}",
        f"{THEIRS.ufrag}:{OURS.ufrag}",
        f"{OURS.ufrag}:{THEIRS.ufrag}:",
        ":",
        "",
    ],
)
def test_a_check_for_another_pair_of_names_gets_no_answer(username: str) -> None:
    refused = dropped(bytes(a_check(username=username)))

    assert refused.reason is DropReason.STUN_UNKNOWN_UFRAG
    assert refused.response is None


def test_a_check_that_is_not_sealed_gets_no_answer() -> None:
    message = a_check()
    del message.attributes["MESSAGE-INTEGRITY"]
    del message.attributes["FINGERPRINT"]

    assert dropped(bytes(message)).reason is DropReason.STUN_BAD_INTEGRITY


def test_a_nomination_behind_the_seal_is_none() -> None:
    sealed = bytes(a_check())[:-FINGERPRINT_BYTES]
    forged = sealed + bytes.fromhex("00250000")  # USE-CANDIDATE
    forged = stun.set_body_length(forged, len(forged) - 20)

    check = read_check(read_stun(forged))

    assert not check.nominates
    assert answer(forged)


def test_a_check_with_any_bit_turned_gets_no_success() -> None:
    check = bytes(a_check())[:-FINGERPRINT_BYTES]  # the seal alone has to tell
    check = stun.set_body_length(check, len(check) - 20)
    assert answer(check)

    length_of_seal = len(check) - INTEGRITY_BYTES + 2
    for bit in range(8 * len(check)):
        if bit // 8 in (length_of_seal, length_of_seal + 1):
            continue  # aioice takes a seal that claims to be longer; the seal itself is whole
        forged = bytearray(check)
        forged[bit // 8] ^= 1 << bit % 8
        assert dropped(bytes(forged)).response is None


def test_a_check_that_was_cut_off_anywhere_is_malformed() -> None:
    check = bytes(a_check())

    for length in range(len(check)):
        assert dropped(check[:length]).reason is DropReason.STUN_MALFORMED


def test_a_wrong_fingerprint_is_malformed() -> None:
    datagram = bytearray(bytes(a_check()))
    datagram[-1] ^= 1

    assert dropped(bytes(datagram)).reason is DropReason.STUN_MALFORMED


@pytest.mark.parametrize(
    ("method", "message_class"),
    [
        (stun.Method.BINDING, stun.Class.INDICATION),
        (stun.Method.BINDING, stun.Class.RESPONSE),
        (stun.Method.BINDING, stun.Class.ERROR),
        (stun.Method.ALLOCATE, stun.Class.REQUEST),
    ],
)
def test_what_is_no_binding_request_is_no_check(
    method: stun.Method, message_class: stun.Class
) -> None:
    message = stun.Message(method, message_class, TRANSACTION, {"USERNAME": PAIR.username})
    message.add_message_integrity(OURS.pwd.encode())

    assert dropped(bytes(message)).reason is DropReason.STUN_NOT_A_CHECK


def test_a_plain_binding_request_is_no_check() -> None:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)

    assert dropped(bytes(request)).reason is DropReason.STUN_NOT_A_CHECK


# -- any bytes ------------------------------------------------------------------------------


def assert_dropped_or_answered(datagram: bytes) -> None:
    """Any other exception fails the test."""
    try:
        response = answer(datagram)
    except StunDropped:
        return
    assert stun.parse_message(response).check_message_integrity(OURS.pwd.encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_dropped_or_answered(datagram: bytes) -> None:
    assert_dropped_or_answered(datagram)


ATTRIBUTES = st.tuples(
    st.sampled_from(sorted(stun.ATTRIBUTES_BY_TYPE)) | st.integers(0, 0xFFFF),
    st.binary(max_size=40),
    st.integers(-4, 4),
)


@given(message_type=st.integers(0, 0x3FFF), attributes=st.lists(ATTRIBUTES, max_size=6))
def test_any_attributes_are_dropped_or_answered(
    message_type: int, attributes: list[tuple[int, bytes, int]]
) -> None:
    body = b"".join(
        struct.pack("!HH", kind, max(0, len(value) + lie)) + value + bytes(-len(value) % 4)
        for kind, value, lie in attributes
    )
    head = struct.pack("!HHI", message_type, len(body), stun.COOKIE) + TRANSACTION

    assert_dropped_or_answered(head + body)


# -- credentials ----------------------------------------------------------------------------


@given(st.binary(min_size=PWD_BYTES, max_size=PWD_BYTES))
def test_credentials_are_well_formed_whatever_is_drawn(drawn: bytes) -> None:
    credentials = new_credentials(lambda count: drawn[:count])

    assert credentials.is_well_formed
    assert re.fullmatch(r"[A-Za-z0-9+/]{8}", credentials.ufrag)
    assert re.fullmatch(r"[A-Za-z0-9+/]{24}", credentials.pwd)


def test_every_bit_that_is_drawn_counts() -> None:
    nought = new_credentials(bytes)
    for position in range(8 * UFRAG_BYTES):

        def draw(count: int, position: int = position) -> bytes:
            return (1 << position).to_bytes(PWD_BYTES, "little")[:count]

        assert new_credentials(draw).ufrag != nought.ufrag
        assert new_credentials(draw).pwd != nought.pwd
