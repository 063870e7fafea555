"""Rate limits of one HTTP method for each client (RFC 9725 section 5)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from voicemedia_server.sessions.admission import Buckets, Rate, retry_after_s
from voicemedia_server.sessions.refusals import RateLimited

UNLIMITED = Rate(per_s=0, burst=1)


@dataclass(frozen=True, slots=True)
class MethodRates:
    """The rate of each method that changes something."""

    post: Rate = UNLIMITED
    patch: Rate = UNLIMITED
    delete: Rate = UNLIMITED


class RateLimits:
    """Token buckets for each client and method."""

    def __init__(self, rates: MethodRates, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._now_ns = now_ns
        self._buckets = {
            "POST": Buckets(rates.post),
            "PATCH": Buckets(rates.patch),
            "DELETE": Buckets(rates.delete),
        }

    def check(self, method: str, client: str) -> None:
        """Takes one token. Raises `RateLimited` with a time to come back, spread at random."""
        wait_s = self._buckets[method].take(client, self._now_ns())
        if wait_s > 0:
            spread = secrets.randbelow(1000) / 1000
            raise RateLimited(
                f"Too many {method} requests from this client.",
                retry_after_s=retry_after_s(wait_s, spread),
            )
