"""`spec.signaling`: who may open sessions, how often, and the way in from outside the cluster."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from voicemedia_operator.spec.parts import (
    NO_ENTRIES,
    Annotations,
    HostName,
    ObjectName,
    Part,
    SecretKeyRef,
    rule,
)

Network = Annotated[str, Field(min_length=1, max_length=49)]
Origin = Annotated[str, Field(max_length=512, pattern=r"^(\*|https?://[^\s/?#]+)$")]


class AuthMode(StrEnum):
    """Which bearer tokens callers need."""

    TOKEN = "Token"
    JWT = "JWT"
    NONE = "None"


class JwtAlgorithm(StrEnum):
    """Signatures by a private key: unsigned tokens and shared secrets are never taken."""

    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    EDDSA = "EdDSA"


class Jwt(Part):
    """How signed tokens are checked."""

    jwks_url: Annotated[str, Field(max_length=2048, pattern=r"^https://[^\s/]+(/\S*)?$")] | None = (
        None
    )
    """Where the public keys are (a JWKS document), https only. Either this or jwksSecretRef."""
    jwks_secret_ref: SecretKeyRef | None = None
    """Key of a Secret that holds a JWKS document. Either this or jwksUrl."""
    issuer: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """The iss that a token must have. Unset: any."""
    audience: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """The aud that a token must have. Unset: any; set it where the issuer signs for others too."""
    scope: Annotated[str, Field(min_length=1, max_length=256)] = "whip:publish"
    """The scope that a token must grant; without it 403. Default whip:publish."""
    algorithms: Annotated[tuple[JwtAlgorithm, ...], Field(min_length=1, max_length=10)] = (
        JwtAlgorithm.ES256,
        JwtAlgorithm.RS256,
        JwtAlgorithm.EDDSA,
    )
    """Algorithms that a token may be signed with; the token itself has no say. Default ES256, RS256
    and EdDSA."""

    @rule(
        "has(self.jwksUrl) != has(self.jwksSecretRef)",
        "set exactly one of jwksUrl and jwksSecretRef: the keys are in one place",
    )
    def has_one_source_of_keys(self) -> bool:
        return (self.jwks_url is None) != (self.jwks_secret_ref is None)


class Auth(Part):
    """Who may open sessions."""

    mode: AuthMode = AuthMode.TOKEN
    """Which bearer tokens callers need. Token: fixed ones, of tokensSecretRef or made by the
    operator. JWT: signed ones, see jwt. None: anybody who reaches the endpoint may call. Default
    Token, since an open endpoint should be somebody's wish."""
    tokens_secret_ref: SecretKeyRef | None = None
    """Key of a Secret with one token a line, for mode Token. Unset, the operator makes a Secret
    NAME-tokens with one random token under the key tokens, once, and never changes it."""
    jwt: Jwt | None = None
    """How tokens are checked in mode JWT; needed there, refused elsewhere."""

    @rule(
        "(self.mode == 'JWT') == has(self.jwt)",
        "mode JWT needs jwt, and the other modes have no use for it: set mode to JWT together "
        "with jwt, or remove jwt",
    )
    def has_jwt_where_it_is_checked(self) -> bool:
        return (self.mode is AuthMode.JWT) == (self.jwt is not None)

    @rule(
        "self.mode == 'Token' || !has(self.tokensSecretRef)",
        "tokensSecretRef is set, but nobody is asked for its tokens: set mode to Token, or remove "
        "it",
    )
    def has_use_for_tokens(self) -> bool:
        return self.mode is AuthMode.TOKEN or self.tokens_secret_ref is None


class RateLimit(Part):
    """New sessions for each client address; then 429 with Retry-After."""

    sessions_per_second: Annotated[int, Field(ge=0, le=1_000_000)] = 20
    """New sessions a second that a pod takes from one client address on average. Default 20, for an
    office behind one address; 0 for no limit."""
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """New sessions that a pod takes from one client address at once. Default 100."""


class Endpoint(Part):
    """One protocol's way in."""

    enabled: bool = True
    """Whether ingress and httpRoute lead to it. The pods answer it in any case: who may call is
    for auth to say. Default true."""


class OptionalEndpoint(Part):
    """One protocol's way in, for images that have it."""

    enabled: bool = False
    """Whether ingress and httpRoute lead to it; it needs an image whose server has it. Default
    false."""


class Ingress(Part):
    """The Ingress that leads to the fleet."""

    host: HostName
    """The host name under which clients reach the fleet."""
    class_name: ObjectName | None = None
    """The IngressClass. Unset: the cluster's default."""
    tls_secret_name: ObjectName | None = None
    """The Secret with certificate and key of the host (type kubernetes.io/tls). Unset, the Ingress
    has no TLS: browsers give the microphone only to pages of HTTPS, so end TLS in front of it."""
    annotations: Annotations = NO_ENTRIES
    """Annotations of the Ingress, for its controller. WebSocket calls need long read timeouts."""


class HttpRoute(Part):
    """The HTTPRoute (Gateway API) that leads to the fleet."""

    host: HostName
    """The host name under which clients reach the fleet."""
    gateway_name: ObjectName
    """The Gateway that the route belongs to."""
    gateway_namespace: ObjectName | None = None
    """The Gateway's namespace. Unset: that of the resource."""
    section_name: ObjectName | None = None
    """The Gateway's listener. Unset: all that take the host."""


class Signaling(Part):
    """Who may open sessions, and the way in."""

    whip: Endpoint = Endpoint()
    """WHIP (RFC 9725) at /whip: WebRTC."""
    whep: OptionalEndpoint = OptionalEndpoint()
    """WHEP at /whep: listening by WebRTC."""
    websocket_v2: Endpoint = Endpoint()
    """WebSocket v2 at /v2/ws: Twilio's Media Streams and a superset."""
    auth: Auth = Auth()
    """Who may open sessions."""
    rate_limit: RateLimit = RateLimit()
    """New sessions for each client address."""
    cors_origins: Annotated[tuple[Origin, ...], Field(max_length=64)] = ("*",)
    """Origins whose pages may call: scheme, host and at most a port, or * for all, which is safe as
    no cookies are used. Default *."""
    trusted_proxies: Annotated[tuple[Network, ...], Field(max_length=64)] = ()
    """Networks of proxies whose X-Forwarded-* header fields are believed, in CIDR notation: set it
    behind an ingress, else all clients share one rate limit. Default none."""
    ingress: Ingress | None = None
    """The Ingress that the operator makes. Unset: none."""
    http_route: HttpRoute | None = None
    """The HTTPRoute that the operator makes where the Gateway API is installed. Unset: none."""

    @rule(
        "self.trustedProxies.all(n, isCIDR(n) && cidr(n) == cidr(n).masked())",
        "trustedProxies must be networks in CIDR notation without host bits, such as 10.0.0.0/8",
    )
    def has_networks_for_proxies(self) -> bool:
        return all(map(_is_network, self.trusted_proxies))


def _is_network(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return False
    length = text.rpartition("/")[2]
    is_mapped = getattr(network.network_address, "ipv4_mapped", None) is not None
    return "/" in text and str(network.prefixlen) == length and not is_mapped and "%" not in text
