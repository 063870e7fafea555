"""Who may open sessions, and the way in."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from voicemedia_operator.spec.parts import SecretKeyRef
from voicemedia_operator.spec.signaling import Auth, AuthMode, Jwt, JwtAlgorithm, Signaling


def test_a_token_is_needed_unless_somebody_says_otherwise() -> None:
    assert Signaling().auth.mode is AuthMode.TOKEN


def test_anybody_may_call_only_when_it_is_said() -> None:
    assert Auth(mode=AuthMode.NONE).tokens_secret_ref is None


def test_whep_is_led_to_only_when_it_is_said() -> None:
    assert Signaling().whip.enabled
    assert not Signaling().whep.enabled


@pytest.mark.parametrize("algorithm", JwtAlgorithm)
def test_tokens_are_signed_by_private_keys_only(algorithm: JwtAlgorithm) -> None:
    assert not algorithm.startswith(("HS", "none"))


def test_keys_come_from_a_secret_or_an_encrypted_address() -> None:
    ref = SecretKeyRef(name="keys", key="jwks.json")

    assert Jwt(jwks_secret_ref=ref).jwks_url is None
    with pytest.raises(ValidationError, match="pattern"):
        Jwt(jwks_url="http://login.example.org/jwks.json")


@pytest.mark.parametrize("network", ["10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/255.0.0.0"])
def test_proxies_are_networks_without_host_bits(network: str) -> None:
    with pytest.raises(ValidationError, match="rules are broken"):
        Signaling(trusted_proxies=(network,))


@pytest.mark.parametrize("origin", ["app.example.org", "https://a/b", "ftp://a"])
def test_an_origin_has_scheme_and_host_and_no_path(origin: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        Signaling(cors_origins=(origin,))
