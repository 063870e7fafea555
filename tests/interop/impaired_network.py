"""A bad network between a client and the server: a UDP relay that loses and delays packets.

Every decision is drawn from a seed, and counted, so that what the server reports can be held
against what was done. Only RTP is lost; set-up and reports get through (as they would, being
repeated), which is what makes counts exact.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import aiohttp
from aiohttp import web

Address = tuple[str, int]


class Way(StrEnum):
    """A direction."""

    UP = "client to server"
    DOWN = "server to client"


@dataclass(frozen=True, slots=True)
class Impairment:
    """`loss_ratio` of RTP packets are lost each way; each is late by up to `jitter_s`.

    The first and the last packets of a call decide what can be counted at all, so the relay
    loses none among the first `spared_packets`, and none once `is_over` says so.
    """

    loss_ratio: float = 0.0
    jitter_s: float = 0.0
    spared_packets: int = 20


def is_rtp(datagram: bytes) -> bool:
    """RFC 7983 and RFC 5761."""
    return len(datagram) > 1 and 127 < datagram[0] < 192 and not 191 < datagram[1] < 224


class ImpairedNetwork(asyncio.DatagramProtocol):
    """The client's side of the relay; each client gets a socket of its own towards the server."""

    def __init__(self, impairment: Impairment, server: Address, seed: int) -> None:
        self._impairment = impairment
        self._server = server
        self._random = random.Random(seed)
        self._upstream: dict[Address, asyncio.DatagramTransport] = {}
        self._opening: dict[Address, asyncio.Task[asyncio.DatagramTransport]] = {}
        self._transport: asyncio.DatagramTransport
        self.seen: Counter[Way] = Counter()
        self.dropped: Counter[Way] = Counter()
        self.last_packets_from = 1 << 60

    @property
    def port(self) -> int:
        """Where clients send."""
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = cast(asyncio.DatagramTransport, transport)  # no other kind comes here

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """From a client."""
        upstream = self._upstream.get(addr)
        if upstream is None:
            if addr not in self._opening:
                self._opening[addr] = asyncio.ensure_future(self._open(addr))
            return  # STUN is repeated
        self.carry(Way.UP, data, upstream.sendto)

    async def _open(self, client: Address) -> asyncio.DatagramTransport:
        def back(data: bytes) -> None:
            self.carry(Way.DOWN, data, lambda late: self._transport.sendto(late, client))

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Upstream(back), remote_addr=self._server
        )
        self._upstream[client] = transport
        return transport

    def carry(self, way: Way, data: bytes, send: Callable[[bytes], None]) -> None:
        """Loses, delays or passes on one datagram."""
        impairment = self._impairment
        if not is_rtp(data):
            send(data)
            return
        self.seen[way] += 1
        is_spared = not impairment.spared_packets < self.seen[way] <= self.last_packets_from
        if not is_spared and self._random.random() < impairment.loss_ratio:
            self.dropped[way] += 1
            return
        delay_s = self._random.random() * impairment.jitter_s
        asyncio.get_running_loop().call_later(delay_s, send, data)

    def close(self) -> None:
        """Closes all sockets."""
        self._transport.close()
        for upstream in self._upstream.values():
            upstream.close()


class _Upstream(asyncio.DatagramProtocol):
    def __init__(self, back: Callable[[bytes], None]) -> None:
        self._back = back

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._back(data)


@asynccontextmanager
async def impaired_network(
    impairment: Impairment, whip_url: str, media_port: int, *, seed: int = 1
) -> AsyncIterator[tuple[str, ImpairedNetwork]]:
    """A WHIP URL whose answers lead media through the bad network, and that network."""
    loop = asyncio.get_running_loop()
    _, network = await loop.create_datagram_endpoint(
        lambda: ImpairedNetwork(impairment, ("127.0.0.1", media_port), seed),
        local_addr=("127.0.0.1", 0),
    )

    async def forward(request: web.Request) -> web.Response:
        url = whip_url.removesuffix("/whip") + request.path_qs
        headers = {k: v for k, v in request.headers.items() if k in ("Content-Type", "If-Match")}
        async with (
            aiohttp.ClientSession() as http,
            http.request(request.method, url, data=await request.read(), headers=headers) as answer,
        ):
            body = through(await answer.text(), network.port)
            kept = {k: v for k, v in answer.headers.items() if k in ("Location", "ETag", "Link")}
            content_type = answer.content_type
            return web.Response(
                status=answer.status, text=body, content_type=content_type, headers=kept
            )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/whip", network
    finally:
        await runner.cleanup()
        network.close()


def through(sdp: str, port: int) -> str:
    """The SDP with the relay as its one candidate."""
    lines = [line for line in sdp.split("\r\n") if "candidate:" not in line]
    if not re.search(r"^a=candidate:", sdp, re.MULTILINE):
        return sdp
    place = next(i for i, line in enumerate(lines) if line == "a=end-of-candidates")
    lines.insert(place, f"a=candidate:r 1 udp 2130706431 127.0.0.1 {port} typ host")
    return "\r\n".join(lines)
