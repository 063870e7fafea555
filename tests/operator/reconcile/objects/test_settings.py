"""The media server's settings of a pod: the server itself reads them."""

from __future__ import annotations

from typing import Any

from fleets.resources import resource, spec_of
from voicemedia_operator.reconcile.objects.settings import advertised_address, environment


def settings(**members: Any) -> dict[str, str]:
    """Values of the server's settings, without their prefix."""
    variables = environment(resource(), spec_of(**members), "$(POD_IP)")
    return {
        each["name"].removeprefix("VOICEMEDIA_"): each["value"]
        for each in variables
        if "value" in each
    }


def test_a_pod_knows_its_fleet_and_itself() -> None:
    found = settings()

    assert found["FLEET"] == "calls.voice"
    assert found["INSTANCE_ID"] == "$(POD_NAME)"
    assert found["PEER_URL"] == "http://$(POD_IP):8080"
    assert found["GUARD"] == "false"


def test_a_variable_refers_only_to_those_before_it() -> None:
    names: list[str] = []
    for each in environment(resource(), spec_of(), "$(HOST_IP):31000"):
        text = each.get("value", "")
        for name in ("POD_NAME", "POD_IP", "HOST_IP"):
            assert f"$({name})" not in text or name in names
        names.append(each["name"])


def test_each_kind_of_token_is_set_up_as_the_server_wants_it() -> None:
    assert settings()["AUTH_TOKENS_FILE"] == "/etc/voicemedia/tokens/tokens"
    assert settings(signaling={"auth": {"mode": "None"}})["AUTH_MODE"] == "none"
    jwt = {"jwksSecretRef": {"name": "keys", "key": "jwks.json"}, "audience": "voice"}
    found = settings(signaling={"auth": {"mode": "JWT", "jwt": jwt}})

    assert found["AUTH_MODE"] == "jwt"
    assert found["JWKS_FILE"] == "/etc/voicemedia/jwks/jwks.json"
    assert found["JWT_ALGORITHMS"] == "ES256,RS256,EdDSA"
    assert found["JWT_AUDIENCE"] == "voice"
    assert "JWT_ISSUER" not in found


def test_what_is_not_given_is_not_set() -> None:
    assert not {"TRUSTED_PROXIES", "ICE_SERVERS", "TURN_SECRET_FILE"} & settings().keys()


def test_servers_for_ice_and_their_secret_are_told() -> None:
    turn = {"iceServers": [{"urls": ["turn:t.example:3478", "stun:t.example:3478"]}]}
    found = settings(media=turn | {"turnSecretRef": {"name": "turn", "key": "secret"}})

    assert found["ICE_SERVERS"] == "turn:t.example:3478,stun:t.example:3478"
    assert found["TURN_SECRET_FILE"] == "/etc/voicemedia/turn/secret"


def test_the_url_of_the_registry_is_never_written_into_a_pod() -> None:
    spec = spec_of(registry={"urlSecretRef": {"name": "redis", "key": "url"}})
    (found,) = [
        each
        for each in environment(resource(), spec, "stun")
        if each["name"] == "VOICEMEDIA_REGISTRY_URL"
    ]

    assert found["valueFrom"] == {"secretKeyRef": {"name": "redis", "key": "url"}}


def test_traces_go_where_standard_variables_say() -> None:
    telemetry = {"otlpEndpoint": "http://collector:4318", "traceSampleRatio": 0.25}
    variables = environment(resource(), spec_of(telemetry=telemetry), "stun")
    found = {each["name"]: each.get("value") for each in variables}

    assert found["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"
    assert found["OTEL_TRACES_SAMPLER_ARG"] == "0.25"


def told(exposure: dict[str, Any], port: int | None = None, address: str | None = None) -> str:
    return advertised_address(spec_of(media={"exposure": exposure}).media.exposure, port, address)


def test_clients_are_told_the_address_that_is_given_or_else_what_is_found() -> None:
    assert told({}) == "$(POD_IP)"
    assert told({"mode": "HostNetwork"}) == "$(HOST_IP)"
    assert told({"mode": "LoadBalancer"}, address="203.0.113.9") == "203.0.113.9"
    assert told({"advertisedAddress": "203.0.113.4"}) == "203.0.113.4"
    assert told({"mode": "NodePort", "advertisedAddress": "stun"}, 31000) == "stun"


def test_an_address_with_a_port_of_its_own_is_told_with_it() -> None:
    ports = {"mode": "HostPort", "portRange": {"first": 31000, "last": 31003}}
    assert told(ports, 31002) == "$(HOST_IP):31002"
    assert told(ports | {"advertisedAddress": "2001:db8::4"}, 31002) == "[2001:db8::4]:31002"
