"""Asks a cluster's ingress from outside, as clients do."""

from __future__ import annotations

import asyncio
import time

import aiohttp

STEADY_S = 0.5
TIMEOUT_S = 30.0
POLL_S = 0.03
ASKING = aiohttp.ClientTimeout(total=5.0)


async def until_steady(url: str, method: str = "OPTIONS") -> None:
    """Until the request was answered well for half a second without a break.

    One good answer is not enough: while a controller takes over a change, its old and its new
    workers accept side by side (nginx: for 100 ms). Raises `TimeoutError`.
    """
    steady_since_s: float | None = None
    async with asyncio.timeout(TIMEOUT_S):
        while steady_since_s is None or time.monotonic() < steady_since_s + STEADY_S:
            if not await _is_answered(method, url):
                steady_since_s = None
            elif steady_since_s is None:
                steady_since_s = time.monotonic()
            await asyncio.sleep(POLL_S)


async def _is_answered(method: str, url: str) -> bool:
    """On a connection of its own, which any worker may take."""
    try:
        async with (
            aiohttp.ClientSession(timeout=ASKING) as http,
            http.request(method, url) as answer,
        ):
            return answer.status < 400
    except (aiohttp.ClientError, TimeoutError):
        return False
