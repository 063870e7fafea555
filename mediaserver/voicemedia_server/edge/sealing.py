"""Tokens that only we can read or make, so that clients carry what no server has to remember.

A token is base64url of a version byte, a nonce of twelve bytes, and AES-256-GCM (NIST SP 800-38D)
under a key that is derived from a secret by HKDF (RFC 5869). Servers with the same secret read
each other's tokens. The purpose is authenticated with it: a token of one kind is none of another.
"""

from __future__ import annotations

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from voicemedia_server.config.credentials import MIN_SECRET_BYTES

VERSION = 1
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
MAX_TOKEN_CHARS = 8192


class SealBroken(Exception):
    """The token is none of ours, was changed, or serves another purpose."""


class Sealer:
    """Seals and opens. Without a secret it draws one: then only this process reads its tokens.

    Random nonces are safe for 2**32 tokens a secret (SP 800-38D section 8.3).
    """

    def __init__(self, secret: bytes | None = None) -> None:
        """Raises `ValueError` for a secret of less than `MIN_SECRET_BYTES`."""
        if secret is None:
            secret = os.urandom(KEY_BYTES)
        if len(secret) < MIN_SECRET_BYTES:
            raise ValueError(f"the secret must have {MIN_SECRET_BYTES} bytes at least")
        derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"voicemedia sealing").derive(secret)
        self._cipher = AESGCM(derived)

    def seal(self, purpose: str, payload: bytes) -> str:
        """A token, in characters that are safe in URLs."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, payload, _associated(purpose))
        return base64.urlsafe_b64encode(bytes([VERSION]) + nonce + sealed).rstrip(b"=").decode()

    def open(self, purpose: str, token: str) -> bytes:
        """The payload of a token that was sealed for this purpose. Raises `SealBroken`."""
        if len(token) > MAX_TOKEN_CHARS:
            raise SealBroken("the token is too long")
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise SealBroken("the token is not base64url") from None
        if len(raw) < 1 + NONCE_BYTES + TAG_BYTES or raw[0] != VERSION:
            raise SealBroken("the token is of another form")
        nonce, sealed = raw[1 : 1 + NONCE_BYTES], raw[1 + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, sealed, _associated(purpose))
        except InvalidTag:
            raise SealBroken("the token was not made here for this purpose") from None


def _associated(purpose: str) -> bytes:
    return bytes([VERSION]) + purpose.encode()
