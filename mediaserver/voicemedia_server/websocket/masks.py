"""Clients mask their frames (RFC 6455 section 5.1); aiohttp takes those that are not masked too.

`MaskGuard` stands between a connection and aiohttp's protocol. In place of the first frame without
a mask it hands on one that aiohttp refuses, which closes the connection with 1002 as for any other
frame that breaks the RFC.
"""

from __future__ import annotations

import asyncio

REFUSED_FRAME = b"\xf0\x80"
"""Its reserved bits mean nothing, since no extension was agreed on (RFC 6455 section 5.2)."""
MASK_BYTES = 4
LONG_LENGTHS = {126: 2, 127: 8}
"""In how many bytes the length follows, by what stands in the place of a short one."""


class MaskCheck:
    """Reads the head of each frame, and nothing else. Pure."""

    __slots__ = ("_head", "_is_over", "_rest_bytes")

    def __init__(self) -> None:
        self._head = b""
        self._rest_bytes = 0
        self._is_over = False

    def passed(self, data: bytes) -> bytes:
        """What may be read of all that has come so far: frames without a change, a head not before
        it is whole; in place of a frame without a mask `REFUSED_FRAME`, and nothing behind it."""
        if self._is_over:
            return b""
        if self._head:
            data, self._head = self._head + data, b""
        at, end = self._rest_bytes, len(data)
        while at < end:
            if end - at < 2:
                return self._hold(data, at)
            length = data[at + 1] - 0x80
            if length < 0:
                self._is_over = True
                return data[:at] + REFUSED_FRAME
            head_bytes = 2
            if length in LONG_LENGTHS:
                head_bytes += LONG_LENGTHS[length]
                if end - at < head_bytes:
                    return self._hold(data, at)
                length = int.from_bytes(data[at + 2 : at + head_bytes], "big")
            at += head_bytes + MASK_BYTES + length
        self._rest_bytes = at - end
        return data

    def _hold(self, data: bytes, at: int) -> bytes:
        self._head, self._rest_bytes = data[at:], 0
        return data[:at]


class MaskGuard(asyncio.Protocol):
    """Hands everything on to `behind`, but for what `MaskCheck` keeps back."""

    __slots__ = ("_behind", "_check")

    def __init__(self, behind: asyncio.Protocol) -> None:
        self._behind = behind
        self._check = MaskCheck()

    def data_received(self, data: bytes) -> None:
        """Only frames may come: the handshake is over."""
        self._behind.data_received(self._check.passed(data))

    def eof_received(self) -> bool | None:
        """As it is."""
        return self._behind.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """As it is."""
        self._behind.connection_lost(exc)

    def pause_writing(self) -> None:
        """As it is."""
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        """As it is."""
        self._behind.resume_writing()


def guard_masks(transport: asyncio.Transport | None) -> None:
    """From now on the connection must carry masked frames; call it before the upgrade is answered,
    since clients wait for that (RFC 6455 section 4.1)."""
    if transport is None:
        return  # the client is gone
    behind = transport.get_protocol()
    assert isinstance(behind, asyncio.Protocol), "aiohttp's protocols take bytes"
    transport.set_protocol(MaskGuard(behind))
