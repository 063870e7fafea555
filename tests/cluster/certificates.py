"""An authority of its own for each cluster, and what it says of whom.

Keys are P-256; everything is good for a week, since no test cluster lives longer.
"""

from __future__ import annotations

import ipaddress
import json
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization import PublicFormat as Public
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cluster.place import API_SERVICE_IP, API_URL, NODE, NODE_IP

LIFE = timedelta(days=7)
SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate is for: a user and a group as Kubernetes reads them, and addresses."""

    user: str
    group: str = ""
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


SUBJECTS = {
    "apiserver": Subject(
        "kube-apiserver", names=SERVER_NAMES, addresses=("127.0.0.1", NODE_IP, API_SERVICE_IP)
    ),
    "admin": Subject("admin", group="system:masters"),
    "kubelet": Subject(
        f"system:node:{NODE}", group="system:nodes", names=(NODE,), addresses=(NODE_IP,)
    ),
    "front-proxy": Subject("front-proxy"),
}
"""Who has a certificate, by the name of its files."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """For a file or a kubeconfig."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """For a file or a kubeconfig; secret."""
        return key_pem(self.key)


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh one."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """As Go reads it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def authority(now: datetime) -> Pair:
    """What everybody in the cluster trusts."""
    key = new_key()
    name = _name(Subject("voicemedia-test-cluster"))
    certificate = (
        _unsigned(name, key.public_key(), now)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Pair(certificate, key)


def issue(by: Pair, subject: Subject, now: datetime) -> Pair:
    """A certificate for serving and for asking."""
    key = new_key()
    others: list[x509.GeneralName] = [x509.DNSName(name) for name in subject.names]
    others += [x509.IPAddress(ipaddress.ip_address(address)) for address in subject.addresses]
    builder = (
        _unsigned(_name(subject), key.public_key(), now)
        .issuer_name(by.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
    )
    if others:
        builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
    return Pair(builder.sign(by.key, hashes.SHA256()), key)


def kubeconfig(trusted: Pair, user: Pair) -> str:
    """What kubectl needs to come in as that user, in one document (JSON is YAML)."""

    def encoded(pem: bytes) -> str:
        return b64encode(pem).decode()

    server = {
        "server": API_URL,
        "certificate-authority-data": encoded(trusted.certificate_pem),
    }
    credentials = {
        "client-certificate-data": encoded(user.certificate_pem),
        "client-key-data": encoded(user.key_pem),
    }
    name = "voicemedia"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": server}],
        "users": [{"name": name, "user": credentials}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(document, indent=1)


def write_all(folder: Path, kubeconfigs: Path) -> None:
    """`<name>.crt`, `<name>.key` for each subject, `ca.*`, `service-accounts.*`, and a kubeconfig
    for the administrator and the kubelet; readable by their owner alone."""
    now = datetime.now(UTC)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    trusted = authority(now)
    pairs = {"ca": trusted} | {
        name: issue(trusted, subject, now) for name, subject in SUBJECTS.items()
    }
    for name, pair in pairs.items():
        _write(folder / f"{name}.crt", pair.certificate_pem)
        _write(folder / f"{name}.key", pair.key_pem)
    signing = new_key()
    _write(folder / "service-accounts.key", key_pem(signing))
    public = signing.public_key().public_bytes(Encoding.PEM, Public.SubjectPublicKeyInfo)
    _write(folder / "service-accounts.pub", public)
    for name in ("admin", "kubelet"):
        _write(kubeconfigs / f"{name}.kubeconfig", kubeconfig(trusted, pairs[name]).encode())


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _name(subject: Subject) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, subject.user)]
    if subject.group:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject.group))
    return x509.Name(parts)


def _unsigned(
    name: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    """An hour of the past is included, for clocks that are behind."""
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFE)
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
