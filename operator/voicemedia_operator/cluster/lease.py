"""Who of several operators acts: the one that holds a Lease, and renews it.

Times of others are not compared with ours: a Lease is over when it was seen unchanged for as long
as it lasts, by our own clock (as client-go does).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.errors import ApiFailed, Conflict, NotFound
from voicemedia_operator.cluster.kinds import LEASE, Document

log = structlog.get_logger("lease")

MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class Terms:
    """Of which Lease, and by whom it is wanted. Others wait for `duration_s` after the holder was
    last heard of; the holder renews each `renew_s`, and gives up after `give_up_s` without."""

    namespace: str
    name: str
    holder: str
    duration_s: int = 8
    renew_s: float = 2.0
    give_up_s: float = 6.0


def is_held_by(lease: Document, holder: str) -> bool:
    """Whether the Lease says so. Empty means nobody."""
    return (lease["spec"].get("holderIdentity") or "") == holder


def taken(lease: Document, terms: Terms, now: datetime) -> Document:
    """The Lease, taken or renewed."""
    spec = dict(lease["spec"])
    moment = now.strftime(MOMENT)
    if not is_held_by(lease, terms.holder):
        spec["acquireTime"] = moment
        spec["leaseTransitions"] = spec.get("leaseTransitions", 0) + 1
    spec |= {
        "holderIdentity": terms.holder,
        "leaseDurationSeconds": terms.duration_s,
        "renewTime": moment,
    }
    return {**lease, "spec": spec}


def fresh(terms: Terms, now: datetime) -> Document:
    """A Lease that nobody has made before."""
    empty = {
        "apiVersion": LEASE.api_version,
        "kind": LEASE.name,
        "metadata": {"name": terms.name, "namespace": terms.namespace},
        "spec": {"leaseTransitions": -1},
    }
    return taken(empty, terms, now)


class Leadership:
    """Our part in it."""

    def __init__(self, api: Api, terms: Terms) -> None:
        self._api = api
        self._terms = terms
        self._seen: Document | None = None
        self._seen_s = 0.0

    async def acquire(self) -> None:
        """Returns when it is ours."""
        while True:
            try:
                if await self._try():
                    return
            except Conflict:
                pass  # another one was faster
            except ApiFailed as failure:
                log.warning("the lease cannot be had", code=failure.code)
            await asyncio.sleep(self._terms.renew_s)

    async def keep(self) -> None:
        """Returns when it is lost: whoever acts must stop at once."""
        renewed_s = time.monotonic()
        while time.monotonic() - renewed_s < self._terms.give_up_s:
            await asyncio.sleep(self._terms.renew_s)
            began_s = time.monotonic()
            try:
                async with asyncio.timeout(renewed_s + self._terms.give_up_s - began_s):
                    if not await self._try():
                        return
            except TimeoutError:
                return
            except ApiFailed as failure:
                log.warning("the lease is not renewed", code=failure.code)
            else:
                renewed_s = began_s

    async def release(self) -> None:
        """Lets another one take it at once; one that is not ours stays as it is."""
        if self._seen is None or not is_held_by(self._seen, self._terms.holder):
            return
        spec = {**self._seen["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            await self._api.replace({**self._seen, "spec": spec})
        except ApiFailed as failure:
            log.warning("the lease is not given back, and ends by itself", code=failure.code)

    async def _try(self) -> bool:
        """Whether it is ours now. What is compared is the version that was looked at."""
        now = datetime.now(UTC)
        try:
            found = await self._api.get(LEASE, self._terms.namespace, self._terms.name)
            self._look(found)
            if not self._may_take(found):
                return False
            self._look(await self._api.replace(taken(found, self._terms, now)))
        except NotFound:
            self._look(await self._api.create(fresh(self._terms, now)))
        return True

    def _look(self, found: Document) -> None:
        if self._seen is None or self._seen["metadata"] != found["metadata"]:
            self._seen, self._seen_s = found, time.monotonic()

    def _may_take(self, found: Document) -> bool:
        if is_held_by(found, self._terms.holder) or is_held_by(found, ""):
            return True
        lasts_s = found["spec"].get("leaseDurationSeconds", self._terms.duration_s)
        return time.monotonic() - self._seen_s >= float(lasts_s)
