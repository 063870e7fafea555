"""The media server's settings of a pod, as environment variables.

They stand in the pod itself and not in a ConfigMap, so that a pod keeps to its death what it was
made with, also when its container starts again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from voicemedia_operator.reconcile.observed import Resource
from voicemedia_operator.spec.media import (
    ADMIN_PORT,
    HTTP_PORT,
    LEARNED_BY_STUN,
    Exposure,
    ExposureMode,
)
from voicemedia_operator.spec.parts import SecretKeyRef
from voicemedia_operator.spec.signaling import AuthMode
from voicemedia_operator.spec.voice_media_server import Spec

FLEET_FOLDER = "/etc/voicemedia/fleet"
FLAGS_FOLDER = "/etc/voicemedia/flags"
TOKENS_FOLDER = "/etc/voicemedia/tokens"
TURN_FOLDER = "/etc/voicemedia/turn"
JWKS_FOLDER = "/etc/voicemedia/jwks"

FLEET_KEY = "secret"
ADMIN_KEY = "admin-token"
TOKENS_KEY = "tokens"
FLAGS_KEY = "flags.json"

Variable = dict[str, Any]


def environment(resource: Resource, spec: Spec, advertised: str) -> list[Variable]:
    """All variables, in an order in which each knows those that it refers to."""
    settings = {
        "HTTP": f"0.0.0.0:{HTTP_PORT}",
        "ADMIN": f"0.0.0.0:{ADMIN_PORT}",
        "ADMIN_TOKEN_FILE": f"{FLEET_FOLDER}/{ADMIN_KEY}",
        "UDP": f"[::]:{spec.media.exposure.mux_port}",
        "ADVERTISE": advertised,
        "INSTANCE_ID": "$(POD_NAME)",
        "PEER_URL": f"http://$(POD_IP):{HTTP_PORT}",
        "FLEET": f"{resource.namespace}.{resource.name}",
        "FLEET_SECRET_FILE": f"{FLEET_FOLDER}/{FLEET_KEY}",
        "FLAGS_FILE": f"{FLAGS_FOLDER}/{FLAGS_KEY}",
        "GUARD": "false",
        "LOG_FORMAT": "json",
        **dict(_capacity(spec)),
        **dict(_access(spec)),
        **dict(_ice(spec)),
    }
    return [
        _from_field("POD_NAME", "metadata.name"),
        _from_field("POD_IP", "status.podIP"),
        _from_field("HOST_IP", "status.hostIP"),
        *({"name": f"VOICEMEDIA_{name}", "value": value} for name, value in settings.items()),
        *_registry(spec.registry.url_secret_ref),
        *_traces(spec),
    ]


def advertised_address(exposure: Exposure, port: int | None, address: str | None) -> str:
    """What clients are told. `port`: where it is not the mux port, as of a node; `address`: what
    was found for this pod, if it is neither its own nor its node's."""
    if exposure.advertised_address == LEARNED_BY_STUN:
        return LEARNED_BY_STUN
    own = "$(POD_IP)" if exposure.mode is ExposureMode.POD_IP else "$(HOST_IP)"
    told = exposure.advertised_address or address or own
    if port is None:
        return told
    return f"[{told}]:{port}" if ":" in told else f"{told}:{port}"


def _from_field(name: str, path: str) -> Variable:
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}


def _capacity(spec: Spec) -> Iterator[tuple[str, str]]:
    yield "MAX_SESSIONS", str(spec.media.max_sessions_per_pod)
    yield "IDLE_TIMEOUT_S", str(spec.media.idle_timeout_s)
    yield "MAX_SESSION_S", str(spec.media.max_session_s)
    yield "DRAIN_LIMIT_S", str(spec.drain.timeout_s)
    yield "DRAIN_NOTICE_S", str(spec.drain.notice_s)


def _access(spec: Spec) -> Iterator[tuple[str, str]]:
    signaling, auth = spec.signaling, spec.signaling.auth
    yield "AUTH_MODE", auth.mode.value.lower()
    if auth.mode is AuthMode.TOKEN:
        yield "AUTH_TOKENS_FILE", f"{TOKENS_FOLDER}/{TOKENS_KEY}"
    if auth.jwt is not None:
        yield "JWT_SCOPE", auth.jwt.scope
        yield "JWT_ALGORITHMS", ",".join(auth.jwt.algorithms)
        if auth.jwt.jwks_url is not None:
            yield "JWKS_URL", auth.jwt.jwks_url
        if auth.jwt.jwks_secret_ref is not None:
            yield "JWKS_FILE", f"{JWKS_FOLDER}/{auth.jwt.jwks_secret_ref.key}"
        if auth.jwt.issuer is not None:
            yield "JWT_ISSUER", auth.jwt.issuer
        if auth.jwt.audience is not None:
            yield "JWT_AUDIENCE", auth.jwt.audience
    yield "POST_RATE_PER_S", str(signaling.rate_limit.sessions_per_second)
    yield "POST_BURST", str(signaling.rate_limit.burst)
    yield "CORS_ORIGINS", ",".join(signaling.cors_origins)
    if signaling.trusted_proxies:
        yield "TRUSTED_PROXIES", ",".join(signaling.trusted_proxies)


def _ice(spec: Spec) -> Iterator[tuple[str, str]]:
    if spec.media.ice_servers:
        yield "ICE_SERVERS", ",".join(url for each in spec.media.ice_servers for url in each.urls)
    if spec.media.turn_secret_ref is not None:
        yield "TURN_SECRET_FILE", f"{TURN_FOLDER}/{spec.media.turn_secret_ref.key}"
        yield "TURN_TTL_S", str(spec.media.turn_ttl_s)


def _registry(url: SecretKeyRef | None) -> Iterator[Variable]:
    if url is not None:
        reference = {"secretKeyRef": {"name": url.name, "key": url.key}}
        yield {"name": "VOICEMEDIA_REGISTRY_URL", "valueFrom": reference}


def _traces(spec: Spec) -> Iterator[Variable]:
    if spec.telemetry.otlp_endpoint is not None:
        yield {"name": "OTEL_SERVICE_NAME", "value": "voicemedia-server"}
        yield {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": spec.telemetry.otlp_endpoint}
        yield {"name": "OTEL_TRACES_SAMPLER", "value": "parentbased_traceidratio"}
        ratio = f"{spec.telemetry.trace_sample_ratio:g}"
        yield {"name": "OTEL_TRACES_SAMPLER_ARG", "value": ratio}
