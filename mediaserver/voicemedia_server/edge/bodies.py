"""Reading a request's body: only the type that is taken, only so much, only so long."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from voicemedia_server.sessions.refusals import (
    ContentTooLarge,
    Refusal,
    RequestTooSlow,
    UnsupportedMediaType,
)


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How large a body may be and how long it may take to arrive."""

    max_bytes: int = 64 * 1024
    timeout_s: float = 10.0


class BodyBroken(Refusal):
    """The body ended before its end, or is not encoded as its header says."""

    title = "The body cannot be received"


async def read_body(request: web.Request, media_type: str, limits: BodyLimits) -> bytes:
    """The whole body, decompressed.

    Raises `UnsupportedMediaType`, `ContentTooLarge`, `RequestTooSlow` or `BodyBroken`. Parameters
    of the content type and its case do not matter (RFC 9110 section 8.3.1).
    """
    declared = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if declared != media_type:
        found = f"not {declared}" if declared else "but the request has no Content-Type"
        raise UnsupportedMediaType(
            f"The body must be {media_type}, {found}.", accepted=media_type, method=request.method
        )
    return await read_whole(request, limits)


async def read_whole(request: web.Request, limits: BodyLimits) -> bytes:
    """The whole body, of whatever type, decompressed.

    Raises `ContentTooLarge`, `RequestTooSlow` or `BodyBroken`.
    """
    try:
        async with asyncio.timeout(limits.timeout_s):
            return await _receive(request, limits.max_bytes)
    except TimeoutError:
        raise RequestTooSlow(
            f"The body did not arrive within {limits.timeout_s:g} seconds."
        ) from None
    except web.RequestPayloadError as failure:
        raise BodyBroken("The body is not encoded as its header says.") from failure
    except ConnectionError as failure:  # nobody is left to read the answer, but it is counted
        raise BodyBroken("The connection ended before the body did.") from failure


async def _receive(request: web.Request, max_bytes: int) -> bytes:
    too_large = ContentTooLarge(f"The body may have {max_bytes} bytes at most.")
    if (request.content_length or 0) > max_bytes:
        raise too_large
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            raise too_large
    return bytes(body)
