"""Whether a request is let in now: token buckets for each client and one gate for avalanches.

Pure: `now_ns` and `spread` (0 ≤ spread < 1, drawn by the caller) are arguments. Clients that are
turned away are told different times to come back, so that they do not all return at once
(RFC 9725 section 5, avalanche control).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_s` requests a second on average, `burst` at once. `per_s` of 0 means unlimited."""

    per_s: float
    burst: int


class Buckets:
    """A token bucket for each key, for at most `capacity` keys: the longest unused is forgotten."""

    __slots__ = ("_buckets", "_capacity", "_rate")

    def __init__(self, rate: Rate, capacity: int = 10_000) -> None:
        self._rate = rate
        self._capacity = capacity
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now_ns: int) -> float:
        """Takes one token. Returns 0.0 when there was one, else the seconds until there is one."""
        rate = self._rate
        if rate.per_s <= 0:
            return 0.0
        tokens, since_ns = self._buckets.pop(key, (float(rate.burst), now_ns))
        tokens = min(float(rate.burst), tokens + (now_ns - since_ns) * rate.per_s / NS_PER_S)
        wait_s = 0.0
        if tokens >= 1.0:
            tokens -= 1.0
        else:
            wait_s = (1.0 - tokens) / rate.per_s
        self._buckets[key] = (tokens, now_ns)
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        return wait_s


def retry_after_s(wait_s: float, spread: float, window_s: float = 4.0) -> int:
    """Whole seconds for `Retry-After`: at least the wait, spread over `window_s` beyond it."""
    return max(1, math.ceil(wait_s + spread * window_s))
