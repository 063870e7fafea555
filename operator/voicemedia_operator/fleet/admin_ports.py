"""Asks media pods by their admin ports: what they say of themselves, and to drain or take flags.

A pod has a second to answer. So many are asked at a time that a fleet is seen in about one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import aiohttp

from voicemedia_operator.reconcile.observed import Instance
from voicemedia_operator.spec.media import ADMIN_PORT

MAX_DOCUMENT_BYTES = 1 << 16


class PodOperation(StrEnum):
    """What a pod is asked: a label of metrics."""

    LOOK = "look"
    DRAIN = "drain"
    UNDRAIN = "undrain"
    FLAGS = "flags"


class PodResult(StrEnum):
    """How it went: a label of metrics."""

    DONE = "done"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"


class PodCounter(Protocol):
    """Told of each request."""

    def pod_asked(self, operation: PodOperation, result: PodResult) -> None:
        """It went so."""


class PodSilent(Exception):
    """The pod did not do what it was asked; `result` says how."""

    def __init__(self, operation: PodOperation, result: PodResult) -> None:
        super().__init__(f"{operation}: {result}")
        self.operation = operation
        self.result = result


@dataclass(frozen=True, slots=True)
class Door:
    """Where a pod's admin port is, and what opens it."""

    ip: str
    token: str
    port: int = ADMIN_PORT

    @property
    def url(self) -> str:
        """An IPv6 address stands in brackets."""
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"http://{host}:{self.port}"


class AdminPorts:
    """Of all pods, for one process."""

    def __init__(self, counter: PodCounter, deadline_s: float = 1.0, at_a_time: int = 64) -> None:
        self._counter = counter
        self._limits = aiohttp.ClientTimeout(total=deadline_s)
        self._turns = asyncio.Semaphore(at_a_time)
        connector = aiohttp.TCPConnector(limit=at_a_time, keepalive_timeout=15.0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._limits)

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()

    async def look(self, door: Door) -> Instance | None:
        """What the pod says of itself; `None` where it does not say, or nothing that we read."""
        try:
            content = await self._ask(PodOperation.LOOK, "GET", door, "/instance")
        except PodSilent:
            return None
        try:
            found = json.loads(content)
            if not isinstance(found, Mapping):
                raise ValueError("no object")
            instance = Instance.decode(found)
        except ValueError:
            self._counter.pod_asked(PodOperation.LOOK, PodResult.MALFORMED)
            return None
        self._counter.pod_asked(PodOperation.LOOK, PodResult.DONE)
        return instance

    async def drain(self, door: Door, limit_s: int | None, notice_s: int | None) -> None:
        """Raises `PodSilent`."""
        told = {"limit_s": limit_s, "notice_s": notice_s}
        body = {name: value for name, value in told.items() if value is not None}
        await self._tell(PodOperation.DRAIN, "POST", door, "/drain", json.dumps(body))

    async def undrain(self, door: Door) -> None:
        """Raises `PodSilent`."""
        await self._tell(PodOperation.UNDRAIN, "POST", door, "/undrain", "")

    async def put_flags(self, door: Door, document: str) -> None:
        """A pod that has a newer revision keeps it. Raises `PodSilent`."""
        await self._tell(PodOperation.FLAGS, "PUT", door, "/flags", document)

    async def _tell(
        self, operation: PodOperation, method: str, door: Door, path: str, body: str
    ) -> None:
        await self._ask(operation, method, door, path, body)
        self._counter.pod_asked(operation, PodResult.DONE)

    async def _ask(
        self,
        operation: PodOperation,
        method: str,
        door: Door,
        path: str,
        body: str = "",
    ) -> bytes:
        """The answer's body. Raises `PodSilent`, counted."""
        headers = {"Authorization": f"Bearer {door.token}"}
        if body:
            headers["Content-Type"] = "application/json"
        result = PodResult.UNREACHABLE
        try:
            async with (
                self._turns,
                self._session.request(
                    method,
                    door.url + path,
                    headers=headers,
                    data=body or None,
                    allow_redirects=False,
                ) as response,
            ):
                content = await response.content.read(MAX_DOCUMENT_BYTES + 1)
                is_done = response.status < 300
                if is_done and len(content) <= MAX_DOCUMENT_BYTES:
                    return content
                result = PodResult.MALFORMED if is_done else PodResult.REFUSED
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass  # counted below
        self._counter.pod_asked(operation, result)
        raise PodSilent(operation, result)
