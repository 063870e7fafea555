"""libsrtp in place: the private names that we lean on, published vectors, and what it refuses."""

from __future__ import annotations

import hmac
import struct
from typing import Any

import pylibsrtp
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from voicemedia_server.packets import srtp
from voicemedia_server.packets.datagrams import BUFFER_BYTES, LARGEST_DATAGRAM_BYTES, Slot, ffi
from voicemedia_server.ports import SrtpKeys, SrtpProfile

# RFC 3711 appendix B.3: master key and salt, and the session keys derived from them.
MASTER = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139" + "0EC675AD498AFEEBB6960B3AABE6")
SESSION_KEY = bytes.fromhex("C61E7A93744F39EE10734AFE3FF7A087")
SESSION_SALT = bytes.fromhex("30CBBC08863D8C85D49DB34A9AE1")
SESSION_AUTH_KEY = bytes.fromhex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")

PLAIN_RTP = bytes.fromhex("800f1234decafbadcafebabe") + b"\xab" * 16
PLAIN_RTCP = bytes.fromhex("81c8000bcafebabe") + b"\xab" * 16
GCM_128 = bytes(range(16)) + bytes(range(0xA0, 0xAC))
GCM_256 = bytes(range(32)) + bytes(range(0xA0, 0xAC))

# As libsrtp's own test driver and those of other libraries have them.
SEALED_RTP = {
    SrtpProfile.AES128_CM_SHA1_80: (
        MASTER,
        "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
    ),
    SrtpProfile.AEAD_AES_128_GCM: (
        GCM_128,
        "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392",
    ),
    SrtpProfile.AEAD_AES_256_GCM: (
        GCM_256,
        "800f1234decafbadcafebabe0af7f21e8a90bdad7a425c9c31ed4bb1d90238917e7390a2793500e1681acaea",
    ),
}
SEALED_RTCP = "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798"


def outbound(profile: SrtpProfile, master: bytes) -> srtp.SrtpEnd:
    """The end that seals."""
    return srtp.open_ends(SrtpKeys(profile, inbound=master, outbound=master))[1]


def inbound(profile: SrtpProfile, master: bytes) -> srtp.SrtpEnd:
    """The end that opens."""
    return srtp.open_ends(SrtpKeys(profile, inbound=master, outbound=master))[0]


def in_place(operation: Any, end: srtp.SrtpEnd, packet: bytes) -> tuple[int, bytes]:
    """Does what the plane does with a buffer: the status, and what lies in the buffer then."""
    slot = Slot()
    slot.fill(packet)
    length = ffi.new("int *", slot.length)
    status: int = operation(end.context, slot.buffer, length)
    return status, slot.view[: length[0]]


def foreign_sender(profile: SrtpProfile, master: bytes) -> pylibsrtp.Session:
    """pylibsrtp's public session, as a client that seals."""
    return foreign(profile, master, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)


def foreign(profile: SrtpProfile, master: bytes, ssrc_type: int) -> pylibsrtp.Session:
    """pylibsrtp's public session for one direction."""
    policy = pylibsrtp.Policy(key=master, ssrc_type=ssrc_type, srtp_profile=srtp.PROFILES[profile])
    return pylibsrtp.Session(policy)


def rtp(sequence: int, ssrc: int = 0xCAFEBABE, *, first: int = 0x80) -> bytes:
    """An RTP packet of 20 bytes of payload."""
    return struct.pack("!BBHII", first, 111, sequence, 160_000, ssrc) + bytes(range(20))


def master_of(profile: SrtpProfile) -> bytes:
    """A master key of the right length."""
    return SEALED_RTP[profile][0]


# -- the contract with pylibsrtp ------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "srtp_create",
        "srtp_dealloc",
        "srtp_protect",
        "srtp_protect_rtcp",
        "srtp_remove_stream",
        "srtp_unprotect",
        "srtp_unprotect_rtcp",
    ],
)
def test_the_binding_still_has_the_function(name: str) -> None:
    assert callable(getattr(pylibsrtp._binding.lib, name))


def test_a_policy_still_shows_the_struct_that_libsrtp_takes() -> None:
    policy = pylibsrtp.Policy(key=MASTER)

    assert pylibsrtp._binding.ffi.typeof(policy._policy).cname == "struct srtp_policy_t *"


def test_a_good_status_is_still_nought() -> None:
    assert pylibsrtp._binding.lib.srtp_err_status_ok == srtp.OK


@pytest.mark.parametrize("profile", SrtpProfile)
def test_every_profile_that_dtls_may_choose_is_known(profile: SrtpProfile) -> None:
    assert profile in srtp.PROFILES


def test_a_buffer_has_room_for_the_longest_trailer() -> None:
    longest = pylibsrtp.SRTP_MAX_SRTCP_TRAILER_LEN

    assert longest == srtp.TRAILER_BYTES
    assert LARGEST_DATAGRAM_BYTES + longest <= BUFFER_BYTES


# -- published vectors ----------------------------------------------------------------------


@pytest.mark.parametrize("profile", SrtpProfile)
def test_a_packet_is_sealed_as_published(profile: SrtpProfile) -> None:
    master, sealed = SEALED_RTP[profile]

    assert in_place(srtp.protect, outbound(profile, master), PLAIN_RTP) == (
        srtp.OK,
        bytes.fromhex(sealed),
    )


@pytest.mark.parametrize("profile", SrtpProfile)
def test_a_packet_that_was_sealed_as_published_is_opened(profile: SrtpProfile) -> None:
    master, sealed = SEALED_RTP[profile]

    assert in_place(srtp.unprotect, inbound(profile, master), bytes.fromhex(sealed)) == (
        srtp.OK,
        PLAIN_RTP,
    )


def test_a_report_is_sealed_and_opened_as_published() -> None:
    profile = SrtpProfile.AES128_CM_SHA1_80
    sealed = bytes.fromhex(SEALED_RTCP)

    assert in_place(srtp.protect_rtcp, outbound(profile, MASTER), PLAIN_RTCP) == (srtp.OK, sealed)
    assert in_place(srtp.unprotect_rtcp, inbound(profile, MASTER), sealed) == (srtp.OK, PLAIN_RTCP)


def test_sealing_follows_rfc_3711_by_hand() -> None:
    sequence, ssrc = 0x1234, 0xCAFEBABE
    counter = int.from_bytes(SESSION_SALT, "big") << 16 ^ ssrc << 64 ^ sequence << 16
    encryptor = Cipher(AES(SESSION_KEY), CTR(counter.to_bytes(16, "big"))).encryptor()
    sealed = PLAIN_RTP[:12] + encryptor.update(PLAIN_RTP[12:])
    rollovers = bytes(4)
    sealed += hmac.digest(SESSION_AUTH_KEY, sealed + rollovers, "sha1")[:10]

    profile = SrtpProfile.AES128_CM_SHA1_80
    assert in_place(srtp.protect, outbound(profile, MASTER), PLAIN_RTP) == (srtp.OK, sealed)


# -- with a foreign session -----------------------------------------------------------------


@pytest.mark.parametrize("profile", SrtpProfile)
def test_a_client_opens_what_we_seal(profile: SrtpProfile) -> None:
    master = master_of(profile)
    client = foreign(profile, master, pylibsrtp.Policy.SSRC_ANY_INBOUND)
    end = outbound(profile, master)

    for sequence in (0xFFFE, 0xFFFF, 0, 1):  # past a wrap
        status, sealed = in_place(srtp.protect, end, rtp(sequence))
        assert status == srtp.OK
        assert client.unprotect(sealed) == rtp(sequence)


@pytest.mark.parametrize("profile", SrtpProfile)
def test_we_open_what_a_client_seals(profile: SrtpProfile) -> None:
    master = master_of(profile)
    client, end = foreign_sender(profile, master), inbound(profile, master)

    for sequence in (0xFFFE, 0xFFFF, 0, 1):
        sealed = client.protect(rtp(sequence))
        assert in_place(srtp.unprotect, end, sealed) == (srtp.OK, rtp(sequence))


@pytest.mark.parametrize("profile", SrtpProfile)
def test_reports_pass_both_ways(profile: SrtpProfile) -> None:
    master = master_of(profile)
    client = foreign(profile, master, pylibsrtp.Policy.SSRC_ANY_INBOUND)

    status, sealed = in_place(srtp.protect_rtcp, outbound(profile, master), PLAIN_RTCP)

    assert status == srtp.OK
    assert client.unprotect_rtcp(sealed) == PLAIN_RTCP
    assert in_place(srtp.unprotect_rtcp, inbound(profile, master), sealed)[1] == PLAIN_RTCP


def test_the_largest_datagram_can_be_sealed_where_it_lies() -> None:
    packet = rtp(1) + bytes(LARGEST_DATAGRAM_BYTES - 32)

    status, sealed = in_place(srtp.protect, outbound(SrtpProfile.AEAD_AES_256_GCM, GCM_256), packet)

    assert status == srtp.OK
    assert len(sealed) == LARGEST_DATAGRAM_BYTES + 16


# -- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize("profile", SrtpProfile)
def test_a_second_copy_is_refused_as_a_replay(profile: SrtpProfile) -> None:
    master = master_of(profile)
    end, sealed = inbound(profile, master), foreign_sender(profile, master).protect(rtp(10))
    in_place(srtp.unprotect, end, sealed)

    status, _ = in_place(srtp.unprotect, end, sealed)

    assert pylibsrtp.ERRORS[status] == "replay check failed (bad index)"
    assert status in srtp.REPLAY_STATUSES


def test_a_packet_from_before_the_window_is_refused_as_a_replay() -> None:
    profile = SrtpProfile.AES128_CM_SHA1_80
    client, end = foreign_sender(profile, MASTER), inbound(profile, MASTER)
    early = client.protect(rtp(10))
    in_place(srtp.unprotect, end, client.protect(rtp(10 + srtp.REPLAY_WINDOW_PACKETS)))

    status, _ = in_place(srtp.unprotect, end, early)

    assert pylibsrtp.ERRORS[status] == "replay check failed (index too old)"
    assert status in srtp.REPLAY_STATUSES


def test_a_late_packet_within_the_window_is_opened() -> None:
    profile = SrtpProfile.AES128_CM_SHA1_80
    client, end = foreign_sender(profile, MASTER), inbound(profile, MASTER)
    late = client.protect(rtp(10))
    in_place(srtp.unprotect, end, client.protect(rtp(10 + srtp.REPLAY_WINDOW_PACKETS - 1)))

    assert in_place(srtp.unprotect, end, late) == (srtp.OK, rtp(10))


@pytest.mark.parametrize("position", [0, 1, 3, 5, 12, 20, -1])
@pytest.mark.parametrize("profile", SrtpProfile)
def test_a_packet_with_one_bit_turned_is_refused(profile: SrtpProfile, position: int) -> None:
    master = master_of(profile)
    forged = bytearray(foreign_sender(profile, master).protect(rtp(10)))
    forged[position] ^= 1

    status, _ = in_place(srtp.unprotect, inbound(profile, master), bytes(forged))

    assert status not in (srtp.OK, *srtp.REPLAY_STATUSES)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(0x8F, id="15 contributing sources"),
        pytest.param(0x90, id="an extension"),
    ],
)
def test_a_header_that_is_longer_than_the_packet_is_malformed(first: int) -> None:
    end = inbound(SrtpProfile.AES128_CM_SHA1_80, MASTER)

    status, _ = in_place(srtp.unprotect, end, rtp(10, first=first)[:24])

    assert status in srtp.MALFORMED_STATUSES


def test_a_report_that_is_too_short_to_be_sealed_is_malformed() -> None:
    end = inbound(SrtpProfile.AES128_CM_SHA1_80, MASTER)

    status, _ = in_place(srtp.unprotect_rtcp, end, PLAIN_RTCP[:14])

    assert status in srtp.MALFORMED_STATUSES


def test_no_sequence_number_is_sealed_twice() -> None:
    end = outbound(SrtpProfile.AES128_CM_SHA1_80, MASTER)
    in_place(srtp.protect, end, rtp(10))

    status, _ = in_place(srtp.protect, end, rtp(10)[:-1] + b"!")

    assert status in srtp.REPLAY_STATUSES


def test_a_forgotten_source_begins_anew_and_others_do_not() -> None:
    profile = SrtpProfile.AES128_CM_SHA1_80
    client, end = foreign_sender(profile, MASTER), inbound(profile, MASTER)
    of_first, of_second = client.protect(rtp(10, 0x01020304)), client.protect(rtp(10, 0x05060708))
    for sealed in (of_first, of_second):
        in_place(srtp.unprotect, end, sealed)

    end.forget_stream(0x01020304)

    assert in_place(srtp.unprotect, end, of_first)[0] == srtp.OK
    assert in_place(srtp.unprotect, end, of_second)[0] in srtp.REPLAY_STATUSES


def test_the_keys_do_not_show_in_a_traceback() -> None:
    keys = SrtpKeys(SrtpProfile.AEAD_AES_128_GCM, inbound=b"secret-in", outbound=b"secret-out")

    assert "secret" not in repr(keys)
    assert "secret" not in str(keys)
