"""Secrets that resources name: read one by one when they are needed, and kept for a while.

They are not watched, since who may watch Secrets may read all of them.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterable, Mapping

from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.errors import ApiRefused, NotFound
from voicemedia_operator.cluster.kinds import SECRET, Document

KEPT_S = 30.0
MISSED_S = 3.0
"""One that is missing is looked for so often: somebody is waiting for it."""

Entries = Mapping[str, bytes]


class SecretShelf:
    """Of all resources of one process."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._kept: dict[tuple[str, str], tuple[float, Entries | None]] = {}

    async def read(self, namespace: str, names: Iterable[str]) -> dict[str, Entries]:
        """Those that are there. Raises `ApiFailed` where that cannot be known."""
        found = {}
        for name in sorted(set(names)):
            entries = await self._one(namespace, name)
            if entries is not None:
                found[name] = entries
        return found

    def forget(self, namespace: str, name: str) -> None:
        """Reads it anew next time."""
        self._kept.pop((namespace, name), None)

    async def _one(self, namespace: str, name: str) -> Entries | None:
        place = (namespace, name)
        until_s, entries = self._kept.get(place, (0.0, None))
        if time.monotonic() < until_s:
            return entries
        try:
            entries = read_entries(await self._api.get(SECRET, namespace, name))
        except NotFound:
            entries = None
        except ApiRefused as refused:
            if refused.status != 403:
                raise
            entries = None  # one that we may not read is as good as missing
        kept_s = MISSED_S if entries is None else KEPT_S
        self._kept[place] = time.monotonic() + kept_s, entries
        return entries


def read_entries(secret: Document) -> Entries:
    """What is in it, decoded; what cannot be decoded is left out."""
    found = {}
    for key, text in (secret.get("data") or {}).items():
        try:
            found[key] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
    return found
