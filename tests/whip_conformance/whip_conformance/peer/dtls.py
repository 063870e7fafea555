"""DTLS 1.2 with SRTP keys (RFC 5764) on OpenSSL's public interface: datagrams in, datagrams out.

Pure but for OpenSSL's own clock: the owner asks `timeout_s` and calls `retransmit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL
from pylibsrtp import Policy

from whip_conformance.peer.certificate import Certificate, fingerprint_of

MTU_BYTES = 1200
RECORD_HEADER_BYTES = 13
HANDSHAKE_RECORD = 22
DTLS_1_2 = 0xFEFD
_CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE+AESGCM:ECDHE+AES"
_EXPORTER_LABEL = b"EXTRACTOR-dtls_srtp"


class Profile(StrEnum):
    """SRTP protection profiles by OpenSSL's names."""

    AEAD_AES_256_GCM = "SRTP_AEAD_AES_256_GCM"
    AEAD_AES_128_GCM = "SRTP_AEAD_AES_128_GCM"
    AES128_CM_SHA1_80 = "SRTP_AES128_CM_SHA1_80"


_LIBSRTP = {
    Profile.AEAD_AES_256_GCM: (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
    Profile.AEAD_AES_128_GCM: (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    Profile.AES128_CM_SHA1_80: (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha-1": hashes.SHA1(),
    "sha-224": hashes.SHA224(),
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """libsrtp's profile number and the master key with its salt, for each direction."""

    profile: int
    ours: bytes
    theirs: bytes

    def __repr__(self) -> str:
        return "SrtpKeys(…)"


def record_types(datagram: bytes) -> list[int]:
    """The content types of the DTLS records in a datagram (RFC 6347 section 4.1)."""
    return [record[0] for record in split_records(datagram)]


def split_records(data: bytes) -> list[bytes]:
    """DTLS records that OpenSSL wrote one behind the other."""
    records: list[bytes] = []
    at = 0
    while at + RECORD_HEADER_BYTES <= len(data):
        end = at + RECORD_HEADER_BYTES + int.from_bytes(data[at + 11 : at + 13])
        records.append(data[at:end])
        at = end
    return records


def _datagrams(data: bytes) -> list[bytes]:
    datagrams: list[bytes] = []
    for record in split_records(data):
        if datagrams and len(datagrams[-1]) + len(record) <= MTU_BYTES:
            datagrams[-1] += record
        else:
            datagrams.append(record)
    return datagrams


class Dtls:
    """One DTLS association. `failure` says why it broke, `is_closed` that close_notify came."""

    def __init__(
        self, certificate: Certificate, *, is_client: bool, profiles: tuple[Profile, ...]
    ) -> None:
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_min_proto_version(DTLS_1_2)
        context.set_max_proto_version(DTLS_1_2)
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(certificate.certificate)
        context.use_privatekey(certificate.key)
        context.set_cipher_list(_CIPHERS)
        if profiles:
            context.set_tlsext_use_srtp(":".join(profiles).encode())
        self._ssl = SSL.Connection(context)
        self._ssl.set_ciphertext_mtu(MTU_BYTES)
        self._is_client = is_client
        if is_client:
            self._ssl.set_connect_state()
        else:
            self._ssl.set_accept_state()
        self.is_established = False
        self.is_closed = False
        self.failure: str | None = None

    def start(self) -> list[bytes]:
        """The first flight of a client; nothing for a server."""
        self._advance()
        return self._pending()

    def receive(self, datagram: bytes) -> list[bytes]:
        """Takes a datagram, returns those to send."""
        if self.failure is not None:
            return []
        self._ssl.bio_write(datagram)
        self._advance()
        return self._pending()

    @property
    def timeout_s(self) -> float | None:
        """When to call `retransmit`, in seconds from now; None for never."""
        if self.is_established or self.failure is not None:
            return None
        return self._ssl.DTLSv1_get_timeout()

    def retransmit(self) -> list[bytes]:
        """Sends a lost flight again, if it is time to."""
        self._ssl.DTLSv1_handle_timeout()
        return self._pending()

    def close(self) -> list[bytes]:
        """The close_notify alert (RFC 5246 section 7.2.1)."""
        if not self.is_established:
            return []
        try:
            self._ssl.shutdown()
        except SSL.Error:
            self.failure = self.failure or "the association could not be shut down"
        return self._pending()

    def has_fingerprint(self, value: str) -> bool:
        """Whether the other side's certificate has this `fingerprint` attribute's digest."""
        algorithm, _, digest = value.partition(" ")
        theirs = self._ssl.get_peer_certificate(as_cryptography=True)
        known = _HASHES.get(algorithm.lower())
        if not isinstance(theirs, x509.Certificate) or known is None:
            return False
        return fingerprint_of(theirs, known) == digest.upper()

    @property
    def profile(self) -> Profile | None:
        """The SRTP profile that was agreed, None where there was none."""
        name = self._ssl.get_selected_srtp_profile().decode()
        return Profile(name) if name in set(Profile) else None

    def srtp_keys(self) -> SrtpKeys:
        """The keys of an established association that agreed on a profile (RFC 5764, 4.2)."""
        profile = self.profile
        assert profile is not None, "keys are asked for only after a profile was agreed"
        number, key_bytes, salt_bytes = _LIBSRTP[profile]
        material = self._ssl.export_keying_material(
            _EXPORTER_LABEL, 2 * (key_bytes + salt_bytes), None
        )

        def part(index: int) -> bytes:
            key, salt = index * key_bytes, 2 * key_bytes + index * salt_bytes
            return material[key : key + key_bytes] + material[salt : salt + salt_bytes]

        client, server = part(0), part(1)
        ours, theirs = (client, server) if self._is_client else (server, client)
        return SrtpKeys(number, ours, theirs)

    def _advance(self) -> None:
        try:
            if not self.is_established:
                self._ssl.do_handshake()
                self.is_established = True
            while True:
                self._ssl.recv(16384)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.is_closed = True
        except SSL.Error as error:
            self.failure = f"DTLS failed: {_reason(error)}"

    def _pending(self) -> list[bytes]:
        data = b""
        try:
            while True:
                data += self._ssl.bio_read(65536)
        except SSL.Error:
            return _datagrams(data)


def _reason(error: SSL.Error) -> str:
    details = error.args[0] if error.args else None
    if isinstance(details, list) and details and isinstance(details[0], tuple):
        return str(details[0][-1])
    return type(error).__name__
