"""Settings of who may call, from where, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic.dataclasses import dataclass

from voicemedia_server.config.fields import Group, option
from voicemedia_server.config.values import (
    AlgorithmList,
    ConnectSourceList,
    KeysUrl,
    NetworkList,
    Number,
    OptionalFile,
    OptionalText,
    OriginList,
    Text,
    TokenList,
    Whole,
)


@dataclass(frozen=True)
class AccessSettings:
    """Access and rates."""

    auth_mode: Literal["none", "token", "jwt"] = option(
        Group.ACCESS,
        "none",
        "Which bearer tokens are asked for: none, fixed ones (token), or signed ones (jwt).",
    )
    auth_tokens_file: OptionalFile = option(
        Group.ACCESS,
        None,
        "With auth_mode token: a file with one token a line; # begins a comment line.",
    )
    auth_tokens: TokenList = option(
        Group.ACCESS,
        (),
        "With auth_mode token: more tokens, from the environment or the configuration file. "
        "There is no flag, since everybody on a machine can read command lines.",
        is_secret=True,
    )
    jwks_url: KeysUrl = option(
        Group.ACCESS,
        None,
        "With auth_mode jwt: where the public keys are (a JWKS document), fetched when a token "
        "names an unknown key, at most every 30 s.",
    )
    jwks_file: OptionalFile = option(
        Group.ACCESS, None, "With auth_mode jwt: a file with the public keys instead."
    )
    jwt_algorithms: AlgorithmList = option(
        Group.ACCESS,
        ("ES256", "RS256", "EdDSA"),
        "Algorithms that a JWT may be signed with; the token has no say. Unsigned tokens and "
        "shared secrets (none, HS256 …) are never taken.",
    )
    jwt_issuer: OptionalText = option(Group.ACCESS, None, "The iss that a JWT must have, if any.")
    jwt_audience: OptionalText = option(
        Group.ACCESS,
        None,
        "The aud that a JWT must have, if any. Set it: the issuer may sign for others.",
    )
    jwt_scope: Text = option(
        Group.ACCESS, "whip:publish", "The scope that a JWT must grant; without it 403."
    )
    cors_origins: OriginList = option(
        Group.ACCESS,
        ("*",),
        "Origins whose pages may call; * for all, which is safe as no cookies are used.",
    )
    page_connect_sources: ConnectSourceList = option(
        Group.ACCESS,
        (),
        "Origins of further servers that the page may call, by HTTP and WebSocket: those to which "
        "a redirect or a decision may send it. Its own server is always among them.",
    )
    trusted_proxies: NetworkList = option(
        Group.ACCESS,
        (),
        "Networks of proxies whose X-Forwarded-* header fields are believed. Set it behind an "
        "ingress, else all clients share one rate limit.",
    )

    post_rate_per_s: Number = option(
        Group.RATES,
        20.0,
        "New sessions a second on average; then 429 with Retry-After. 0 for no limit. High enough "
        "for an office behind one address.",
        ge=0,
        le=1_000_000,
    )
    post_burst: Whole = option(Group.RATES, 100, "New sessions at once.", ge=1, le=1_000_000)
    patch_rate_per_s: Number = option(
        Group.RATES,
        50.0,
        "PATCH requests a second on average: a few for each new session. 0 for no limit.",
        ge=0,
        le=1_000_000,
    )
    patch_burst: Whole = option(Group.RATES, 200, "PATCH requests at once.", ge=1, le=1_000_000)
    delete_rate_per_s: Number = option(
        Group.RATES,
        50.0,
        "DELETE requests a second on average: calls may end together. 0 for no limit.",
        ge=0,
        le=1_000_000,
    )
    delete_burst: Whole = option(Group.RATES, 200, "DELETE requests at once.", ge=1, le=1_000_000)


def contradictions(settings: AccessSettings) -> Iterator[tuple[str, str]]:
    """Settings that cannot be together: the one to change, and a sentence about it."""
    mode = settings.auth_mode
    has_tokens = bool(settings.auth_tokens) or settings.auth_tokens_file is not None
    has_keys = settings.jwks_url is not None or settings.jwks_file is not None
    if mode == "token" and not has_tokens:
        yield "auth_mode", "is token, but neither auth_tokens_file nor auth_tokens is set"
    if mode != "token" and has_tokens:
        given = "auth_tokens" if settings.auth_tokens else "auth_tokens_file"
        yield given, f"is set, but nobody is asked for it: set auth_mode to token (it is {mode})"
    if mode == "jwt" and not has_keys:
        yield "auth_mode", "is jwt, but neither jwks_url nor jwks_file is set"
    if mode != "jwt" and has_keys:
        given = "jwks_url" if settings.jwks_url is not None else "jwks_file"
        yield given, f"is set, but no JWT is asked for: set auth_mode to jwt (it is {mode})"
    if settings.jwks_url is not None and settings.jwks_file is not None:
        yield "jwks_file", "and jwks_url are both set; choose one"
    if not settings.jwt_algorithms:
        yield "jwt_algorithms", "is empty, so that no JWT could be valid; write ES256"
