"""A WebSocket whose frames are written by hand."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from mediaserver.websocket.checked import check

WITHIN_S = 15.0


def frame(opcode: int, payload: bytes, *, is_last: bool = True, is_masked: bool = True) -> bytes:
    """A frame (RFC 6455 section 5.2), under a mask of zeros unless a test wants none."""
    first = (0x80 if is_last else 0) | opcode
    bit, mask = (0x80, bytes(4)) if is_masked else (0, b"")
    if len(payload) < 126:
        return bytes([first, bit | len(payload)]) + mask + payload
    if len(payload) < 1 << 16:
        return struct.pack("!BBH", first, bit | 126, len(payload)) + mask + payload
    return struct.pack("!BBQ", first, bit | 127, len(payload)) + mask + payload


@asynccontextmanager
async def raw_connection(
    base_url: str,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A WebSocket whose frames the test writes by hand; it answers nothing by itself."""
    address = urlsplit(base_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /v2/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: vm.v2.json\r\n\r\n".encode()
    )
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WITHIN_S)
    assert head.startswith(b"HTTP/1.1 101")
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def close_code(reader: asyncio.StreamReader) -> int:
    """Of the close frame; the messages before it must fit their schemas."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            first, length = await reader.readexactly(2)
            if length == 126:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
            payload = await reader.readexactly(length)
            if first & 0x0F == 0x8:
                code: int = struct.unpack("!H", payload[:2])[0]
                return code
            if first & 0x0F == 0x1:
                check("server", json.loads(payload))
