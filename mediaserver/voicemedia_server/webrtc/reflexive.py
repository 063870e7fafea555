"""Asks STUN servers, from the media socket itself, under which address the world sees it.

It runs beside the server from its start on; answers to offers never wait for it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

import structlog
from aioice import stun

from voicemedia_server.ports import PacketPlane
from voicemedia_server.webrtc.addresses import Advertised

log = structlog.get_logger("stun")

RETRANSMISSIONS_S = (0.5, 1.0, 2.0, 4.0)
"""Waits after each request (RFC 8489 section 6.2.1, cut short)."""


class ReflexiveDiscovery:
    """Sends binding requests and takes the responses that the media socket hands up."""

    def __init__(
        self, plane: PacketPlane, servers: Sequence[str], on_found: Callable[[Advertised], None]
    ) -> None:
        self._plane = plane
        self._servers = servers
        self._on_found = on_found
        self._waiting: dict[bytes, asyncio.Future[tuple[str, int]]] = {}

    def take(self, message: stun.Message) -> bool:
        """Whether this message answers a request of ours."""
        answered = self._waiting.get(message.transaction_id)
        mapped = message.attributes.get("XOR-MAPPED-ADDRESS")
        if answered is None or answered.done() or mapped is None:
            return False
        answered.set_result(mapped)
        return True

    async def run(self) -> None:
        """Asks all servers at once and reports each address found, once."""
        found: set[tuple[str, int]] = set()
        async with asyncio.TaskGroup() as group:
            for server in self._servers:
                group.create_task(self._learn(server, found))
        log.info("addresses learned from STUN", found=len(found), asked=len(self._servers))

    async def _learn(self, server: str, found: set[tuple[str, int]]) -> None:
        address = await self._ask(server)
        if address is not None and address not in found:
            found.add(address)
            self._on_found(Advertised(*address))

    async def _ask(self, server: str) -> tuple[str, int] | None:
        host, _, port = server.rpartition(":")
        loop = asyncio.get_running_loop()
        try:
            resolved = await loop.getaddrinfo(
                host.strip("[]"), int(port), family=socket.AF_INET, type=socket.SOCK_DGRAM
            )
        except (OSError, UnicodeError):  # the second for a name that is none
            log.warning("STUN server cannot be resolved", server=server)
            return None
        path = self._plane.path_to(*resolved[0][4][:2])
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        answered: asyncio.Future[tuple[str, int]] = loop.create_future()
        self._waiting[request.transaction_id] = answered
        try:
            for wait_s in RETRANSMISSIONS_S:
                self._plane.send_to(path, bytes(request))
                try:
                    return await asyncio.wait_for(asyncio.shield(answered), wait_s)
                except TimeoutError:
                    continue
        finally:
            del self._waiting[request.transaction_id]
        log.warning("STUN server does not answer", server=server)
        return None
