from __future__ import annotations

import pytest

from whip_conformance.peer.certificate import new_certificate
from whip_conformance.peer.dtls import (
    HANDSHAKE_RECORD,
    MTU_BYTES,
    Dtls,
    Profile,
    record_types,
    split_records,
)
from whip_conformance.peer.rtp import RtpPacket, Srtp, is_rtcp, read_packet

OURS, THEIRS = new_certificate(), new_certificate()


def exchange(client: Dtls, server: Dtls, first: list[bytes] | None = None) -> list[bytes]:
    """Carries datagrams until nobody has one; returns all of them."""
    carried: list[bytes] = []
    to_server = client.start() if first is None else first
    while to_server:
        to_client = [out for datagram in to_server for out in server.receive(datagram)]
        carried += to_server + to_client
        to_server = [out for datagram in to_client for out in client.receive(datagram)]
    return carried


def pair(*profiles: Profile) -> tuple[Dtls, Dtls]:
    client = Dtls(OURS, is_client=True, profiles=profiles or tuple(Profile))
    server = Dtls(THEIRS, is_client=False, profiles=tuple(Profile))
    return client, server


@pytest.mark.parametrize("profile", Profile)
def test_a_client_with_one_profile_gets_keys_that_fit_the_servers(profile: Profile) -> None:
    client, server = pair(profile)

    exchange(client, server)

    assert client.profile is server.profile is profile
    packet = bytes(RtpPacket(111, 7, 960, 42, b"sound"))
    sealed = Srtp(client.srtp_keys()).seal(packet)
    assert sealed != packet
    assert Srtp(server.srtp_keys()).open(sealed) == packet


def test_each_side_knows_the_others_fingerprint() -> None:
    client, server = pair()

    exchange(client, server)

    assert client.has_fingerprint(f"sha-256 {THEIRS.fingerprint}")
    assert client.has_fingerprint(f"SHA-256 {THEIRS.fingerprint.lower()}")
    assert not client.has_fingerprint(f"sha-256 {OURS.fingerprint}")
    assert not client.has_fingerprint(f"md5 {THEIRS.fingerprint}")
    assert server.has_fingerprint(f"sha-256 {OURS.fingerprint}")


def test_close_notify_is_seen_by_the_other_side() -> None:
    client, server = pair()
    exchange(client, server)

    exchange(client, server, first=client.close())

    assert server.is_closed
    assert client.failure is None


def test_every_datagram_fits_the_mtu_and_holds_whole_records() -> None:
    client, server = pair()

    carried = exchange(client, server)

    assert all(len(datagram) <= MTU_BYTES for datagram in carried)
    assert all(b"".join(split_records(datagram)) == datagram for datagram in carried)
    assert HANDSHAKE_RECORD in record_types(carried[0])


def test_garbage_does_not_break_an_association() -> None:
    client, server = pair()
    exchange(client, server)

    client.receive(b"\x16\xfe\xfd" + bytes(40))

    assert client.failure is None
    assert client.is_established


def test_a_packet_that_another_session_sealed_is_not_opened() -> None:
    client, server = pair()
    stranger, other = pair()
    exchange(client, server)
    exchange(stranger, other)

    sealed = Srtp(stranger.srtp_keys()).seal(bytes(RtpPacket(111, 7, 960, 42, b"sound")))

    assert Srtp(server.srtp_keys()).open(sealed) is None


def test_a_packet_written_and_read_is_the_same() -> None:
    packet = RtpPacket(111, 65535, 2**32 - 1, 42, b"sound", is_marked=True)

    assert read_packet(bytes(packet)) == packet


def test_csrcs_and_extensions_are_skipped() -> None:
    data = bytes.fromhex("916f0001000003c00000002a 0000000b bede0001 10ff0000") + b"sound"

    packet = read_packet(data)

    assert packet is not None
    assert packet.payload == b"sound"


@pytest.mark.parametrize("data", [b"", b"\x80" * 11, b"\x00" * 20, b"\x9f" + bytes(12)])
def test_what_is_no_rtp_is_no_packet(data: bytes) -> None:
    assert read_packet(data) is None


def test_rtcp_is_told_by_its_second_byte() -> None:
    assert is_rtcp(b"\x80\xc8")
    assert not is_rtcp(b"\x80\x6f")
