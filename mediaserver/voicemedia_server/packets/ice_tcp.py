"""ICE-TCP, passive (RFC 6544): connections on the media port's number, framed by RFC 4571.

A connection is a path like any other. Whoever does not get bound by a valid check in time is
disconnected, and only so many may wait at once; a reader that is too slow loses packets alone.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol, cast

from voicemedia_server.packets.datagrams import LARGEST_DATAGRAM_BYTES, plain_address

MAX_CONNECTIONS = 4096
MAX_BACKLOG_BYTES = 64 * 1024
"""About three seconds of Opus; past that, packets for this reader are dropped."""
LINGER_S = 0.5
"""How long a closed connection may take to send what is buffered, before it is cut off."""


class FrameTaker(Protocol):
    """Who gets the frames: the plane."""

    def take_frame(self, frame: bytes, path: TcpPath) -> None: ...

    def path_lost(self, path: TcpPath) -> None: ...

    def is_bound(self, path: TcpPath) -> bool: ...

    def count_oversized(self) -> None: ...


class TcpPath(asyncio.Protocol):
    """One connection."""

    def __init__(self, taker: FrameTaker, open_paths: set[TcpPath], bind_timeout_s: float) -> None:
        self._taker = taker
        self._open_paths = open_paths
        self._bind_timeout_s = bind_timeout_s
        self._pending = bytearray()
        self._transport: asyncio.Transport
        self._deadline: asyncio.TimerHandle | None = None
        self._is_lost = asyncio.Event()
        self.address: tuple[str, int] = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Starts the clock within which a check must bind this connection."""
        self._transport = cast(asyncio.Transport, transport)  # create_server makes no other kind
        if len(self._open_paths) >= MAX_CONNECTIONS:
            self._transport.abort()
            return
        self._open_paths.add(self)
        peer = transport.get_extra_info("peername")
        self.address = plain_address(peer[0], peer[1])
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._set_deadline(self._bind_timeout_s, self._give_up)

    def _give_up(self) -> None:
        self._deadline = None
        if not self._taker.is_bound(self):
            self._transport.abort()

    def _set_deadline(self, wait_s: float, act: Callable[[], None]) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(wait_s, act)

    def data_received(self, data: bytes) -> None:
        """Cuts the stream into frames (RFC 4571 section 2)."""
        pending = self._pending
        pending += data
        start = 0
        while len(pending) - start >= 2:
            length = pending[start] << 8 | pending[start + 1]
            if length > LARGEST_DATAGRAM_BYTES:
                self._taker.count_oversized()
                self._transport.abort()
                return
            if len(pending) - start - 2 < length:
                break
            frame = bytes(pending[start + 2 : start + 2 + length])
            start += 2 + length
            self._taker.take_frame(frame, self)
        del pending[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells the plane."""
        self._is_lost.set()
        if self._deadline is not None:
            self._deadline.cancel()
        if self in self._open_paths:
            self._open_paths.discard(self)
            self._taker.path_lost(self)

    def send(self, datagram: bytes) -> bool:
        """Frames and sends; False when the reader is too slow and the packet was dropped."""
        if self._transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
            return False
        self._transport.write(len(datagram).to_bytes(2, "big") + datagram)
        return True

    def close(self) -> None:
        """Sends what is buffered, then closes; a reader that does not read is cut off."""
        self._transport.close()
        self._set_deadline(LINGER_S, self._transport.abort)

    async def wait_closed(self) -> None:
        """Returns when the connection has ended."""
        await self._is_lost.wait()


class IceTcpListener:
    """The listening socket and its connections."""

    def __init__(self, server: asyncio.Server, open_paths: set[TcpPath]) -> None:
        self._server = server
        self._open_paths = open_paths

    async def close(self) -> None:
        """Closes the listener and every connection; takes `LINGER_S` at most."""
        self._server.close()
        paths = tuple(self._open_paths)
        for path in paths:
            path.close()
        for path in paths:
            await path.wait_closed()
        await self._server.wait_closed()


async def open_ice_tcp(
    taker: FrameTaker, host: str, port: int, bind_timeout_s: float
) -> IceTcpListener:
    """Listens on `host` and `port`; `::` takes IPv4 too. Raises `OSError`."""
    is_ipv6 = ":" in host
    listening = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_ipv6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        listening.bind((host, port))
        open_paths: set[TcpPath] = set()
        server = await asyncio.get_running_loop().create_server(
            lambda: TcpPath(taker, open_paths, bind_timeout_s), sock=listening, backlog=1024
        )
    except OSError:
        listening.close()
        raise
    return IceTcpListener(server, open_paths)
