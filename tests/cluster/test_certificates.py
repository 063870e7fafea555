"""The cluster's own authority."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from cluster.certificates import LIFE, SUBJECTS, authority, issue, kubeconfig, write_all
from cluster.place import API_URL, NODE_IP

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("name", sorted(SUBJECTS))
def test_everybody_is_vouched_for_by_the_authority(name: str) -> None:
    trusted = authority(NOW)

    pair = issue(trusted, SUBJECTS[name], NOW)

    pair.certificate.verify_directly_issued_by(trusted.certificate)
    assert pair.certificate.not_valid_after_utc == NOW + LIFE


def test_the_kubelet_is_what_the_node_authorizer_takes_for_a_node() -> None:
    subject = issue(authority(NOW), SUBJECTS["kubelet"], NOW).certificate.subject

    (user,) = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    (group,) = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert (user.value, group.value) == ("system:node:node1", "system:nodes")


def test_the_api_server_is_known_by_the_address_that_clients_use() -> None:
    certificate = issue(authority(NOW), SUBJECTS["apiserver"], NOW).certificate

    others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ip_address(NODE_IP) in others.get_values_for_type(x509.IPAddress)
    assert NODE_IP in API_URL


def test_a_kubeconfig_holds_all_that_kubectl_needs() -> None:
    trusted = authority(NOW)
    user = issue(trusted, SUBJECTS["admin"], NOW)

    document = json.loads(kubeconfig(trusted, user))

    (server,), (credentials,) = document["clusters"], document["users"]
    data = credentials["user"]["client-certificate-data"]
    assert server["cluster"]["server"] == API_URL
    assert x509.load_pem_x509_certificate(b64decode(data)) == user.certificate
    assert document["current-context"] == document["contexts"][0]["name"]


def test_nobody_else_reads_keys(tmp_path: Path) -> None:
    write_all(tmp_path / "certificates", tmp_path)

    secret = [*tmp_path.rglob("*.key"), *tmp_path.rglob("*.kubeconfig")]
    assert len(secret) == len(SUBJECTS) + 2 + 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in secret)
