"""A UDP socket of ours: the local end of one or more candidate pairs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

Address = tuple[str, int]
OnDatagram = Callable[["Path", bytes, Address], None]

HOST_PRIORITY = 126 << 24 | 0xFFFF << 8 | 255


class Path(asyncio.DatagramProtocol):
    """Made by `Path.open`. `port` is our own; `family` the socket's."""

    def __init__(self, family: socket.AddressFamily, on_datagram: OnDatagram) -> None:
        self.family = family
        self._on_datagram = on_datagram
        self._transport: asyncio.DatagramTransport | None = None
        self.errors = 0

    @classmethod
    async def open(cls, family: socket.AddressFamily, on_datagram: OnDatagram) -> Path:
        """Binds a socket on a port that the kernel chooses. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        wildcard = "::" if family is socket.AF_INET6 else "0.0.0.0"
        _, path = await loop.create_datagram_endpoint(
            lambda: cls(family, on_datagram), local_addr=(wildcard, 0), family=family
        )
        return path

    @property
    def port(self) -> int:
        assert self._transport is not None, "a path is handed out only once it is bound"
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def send(self, datagram: bytes, address: Address) -> None:
        """Nothing happens on a closed path."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(datagram, address)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11's own datagram transport is no subclass of the abstract one.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._on_datagram(self, data, (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """ICMP errors: a candidate that nobody listens on."""
        self.errors += 1
