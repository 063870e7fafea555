"""Asks Prometheus the queries of an analysis. One number is an answer; all else is none."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from typing import Any

import aiohttp

DEADLINE_S = 5.0
MAX_ANSWER_BYTES = 1 << 20


class Prometheus:
    """Any of them, for one process."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=deadline_s))

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()

    async def ask(self, url: str, queries: Mapping[str, str]) -> dict[str, float]:
        """The answers by the queries' names; what has no answer is left out."""
        async with asyncio.TaskGroup() as tasks:
            asked = {
                name: tasks.create_task(self._ask(url, query)) for name, query in queries.items()
            }
        answers = {name: task.result() for name, task in asked.items()}
        return {name: answer for name, answer in answers.items() if answer is not None}

    async def _ask(self, url: str, query: str) -> float | None:
        try:
            async with self._session.post(
                url.rstrip("/") + "/api/v1/query", data={"query": query}
            ) as response:
                if response.status != 200:
                    return None
                content = await response.content.read(MAX_ANSWER_BYTES)
            return read_answer(json.loads(content))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return None


def read_answer(found: Any) -> float | None:
    """The one number in an answer (a scalar, or a vector of one series)."""
    try:
        result = found["data"]["result"]
        if found["data"]["resultType"] == "vector":
            (series,) = result
            result = series["value"]
        value = float(result[1])
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    return None if math.isnan(value) else value
