"""A self-signed certificate for DTLS (RFC 8827 section 6.5)."""

from __future__ import annotations

import datetime
import secrets
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def fingerprint_of(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm) -> str:
    """Upper-case hexadecimal with colons (RFC 8122 section 5)."""
    return certificate.fingerprint(algorithm).hex(":").upper()


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> str:
        """The SHA-256 fingerprint."""
        return fingerprint_of(self.certificate, hashes.SHA256())


def new_certificate() -> Certificate:
    """A certificate on P-256 that is valid for a day around now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, secrets.token_hex(8))])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return Certificate(key, certificate)
