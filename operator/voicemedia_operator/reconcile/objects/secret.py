"""Secrets: those that the operator makes once, and those that somebody else must."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from voicemedia_operator.reconcile.actions import MakeSecret
from voicemedia_operator.reconcile.names import fleet_secret, tokens_secret
from voicemedia_operator.reconcile.objects.manifest import owned
from voicemedia_operator.reconcile.objects.settings import ADMIN_KEY, FLEET_KEY, TOKENS_KEY
from voicemedia_operator.reconcile.observed import Resource
from voicemedia_operator.spec.parts import SecretKeyRef
from voicemedia_operator.spec.signaling import AuthMode
from voicemedia_operator.spec.voice_media_server import Spec

RANDOM_BYTES = 32


def given_secrets(spec: Spec) -> tuple[SecretKeyRef, ...]:
    """Those that pods need and that somebody else makes."""
    auth = spec.signaling.auth
    jwks = auth.jwt.jwks_secret_ref if auth.jwt else None
    references = (
        auth.tokens_secret_ref,
        jwks,
        spec.media.turn_secret_ref,
        spec.registry.url_secret_ref,
    )
    return tuple(each for each in references if each is not None)


def tokens_reference(resource: Resource, spec: Spec) -> SecretKeyRef | None:
    """Where the callers' tokens are; `None` where none are asked for."""
    auth = spec.signaling.auth
    if auth.mode is not AuthMode.TOKEN:
        return None
    return auth.tokens_secret_ref or SecretKeyRef(name=tokens_secret(resource.name), key=TOKENS_KEY)


def missing_secrets(spec: Spec, seen: Mapping[str, frozenset[str]]) -> tuple[SecretKeyRef, ...]:
    """Those of somebody else that are not there, or lack the key."""
    return tuple(
        each for each in given_secrets(spec) if each.key not in seen.get(each.name, frozenset())
    )


def secrets_to_make(
    resource: Resource, spec: Spec, seen: Mapping[str, frozenset[str]]
) -> Iterator[MakeSecret]:
    """Those of ours that are not there. They are never changed: pods of all revisions share
    them."""
    wanted: dict[str, tuple[str, ...]] = {fleet_secret(resource.name): (FLEET_KEY, ADMIN_KEY)}
    tokens = tokens_reference(resource, spec)
    if tokens is not None and spec.signaling.auth.tokens_secret_ref is None:
        wanted[tokens.name] = (TOKENS_KEY,)
    for name, keys in wanted.items():
        if name not in seen:
            manifest = owned(resource, "Secret", name, type="Opaque")
            yield MakeSecret(manifest, dict.fromkeys(keys, RANDOM_BYTES))
