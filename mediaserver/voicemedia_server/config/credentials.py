"""What stands in the files that settings name: tokens, the TURN secret, the certificate.

Read once at the start; a file that cannot be used is told like any other wrong setting.
"""

from __future__ import annotations

import ssl

from voicemedia_server.config.sources import Configuration
from voicemedia_server.config.values import read_token

MIN_SECRET_BYTES = 32
"""Of every secret that we sign or seal by (RFC 7518 section 3.2, for HS256)."""


def bearer_tokens(configuration: Configuration) -> tuple[str, ...]:
    """The tokens of `auth_tokens` and `auth_tokens_file`. Raises `ConfigError`."""
    tokens = list(configuration.settings.auth_tokens)
    if configuration.settings.auth_tokens_file is not None:
        tokens += _tokens_of_file(configuration)
    return tuple(tokens)


def _tokens_of_file(configuration: Configuration) -> list[str]:
    name = "auth_tokens_file"
    tokens = []
    for number, line in enumerate(configuration.read_text(name).splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            tokens.append(str(read_token(text)))
        except ValueError as failure:
            raise configuration.error(name, f"line {number} {failure}") from None
    if not tokens:
        raise configuration.error(name, "the file has no token; write one a line")
    return tokens


def turn_secret(configuration: Configuration) -> str | None:
    """The secret shared with the TURN servers, if there are any. Raises `ConfigError`."""
    if configuration.settings.turn_secret_file is None:
        return None
    secret = configuration.read_text("turn_secret_file").strip()
    if not secret:
        raise configuration.error("turn_secret_file", "the file is empty")
    return secret


def fleet_secret(configuration: Configuration) -> bytes | None:
    """The secret that the servers of a fleet share, if they do. Raises `ConfigError`."""
    if configuration.settings.fleet_secret_file is None:
        return None
    secret = configuration.read_text("fleet_secret_file").strip().encode()
    if len(secret) < MIN_SECRET_BYTES:
        raise configuration.error(
            "fleet_secret_file", f"the secret is shorter than {MIN_SECRET_BYTES} bytes"
        )
    return secret


def admin_token(configuration: Configuration) -> str | None:
    """The token that the admin port asks for, if it does. Raises `ConfigError`."""
    if configuration.settings.admin_token_file is None:
        return None
    token = configuration.read_text("admin_token_file").strip()
    if len(token.encode()) < MIN_SECRET_BYTES:
        raise configuration.error(
            "admin_token_file", f"the token is shorter than {MIN_SECRET_BYTES} bytes"
        )
    try:
        return str(read_token(token))
    except ValueError as failure:
        raise configuration.error("admin_token_file", f"the token {failure}") from None


def key_set(configuration: Configuration) -> str | None:
    """The JWKS document of `jwks_file`, if that is how keys come. Raises `ConfigError`."""
    if configuration.settings.jwks_file is None:
        return None
    document = configuration.read_text("jwks_file")
    if '"keys"' not in document:
        raise configuration.error("jwks_file", 'the file is no key set: it has no "keys"')
    return document


def tls_context(configuration: Configuration) -> ssl.SSLContext | None:
    """How HTTPS is spoken, if it is. Raises `ConfigError`."""
    settings = configuration.settings
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        return None
    for name in ("tls_cert_file", "tls_key_file"):
        configuration.read_text(name)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file, password="")
    except (OSError, ValueError) as failure:
        reason = getattr(failure, "reason", None) or "the key has a passphrase"
        sentence = (
            f"it and tls_key_file cannot be used together: {str(reason).lower().replace('_', ' ')}"
        )
        raise configuration.error("tls_cert_file", sentence) from None
    return context
