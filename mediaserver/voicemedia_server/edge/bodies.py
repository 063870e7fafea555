"""Reading a request's body: only the type that is taken, only so much, only so long."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from voicemedia_server.sessions.refusals import (
    ContentTooLarge,
    RequestTooSlow,
    UnsupportedMediaType,
)


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How large a body may be and how long it may take to arrive."""

    max_bytes: int = 64 * 1024
    timeout_s: float = 10.0


async def read_body(request: web.Request, media_type: str, limits: BodyLimits) -> bytes:
    """The whole body. Raises `UnsupportedMediaType`, `ContentTooLarge` or `RequestTooSlow`.

    Parameters of the content type and its case do not matter (RFC 9110 section 8.3.1).
    """
    declared = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if declared != media_type:
        found = f"not {declared}" if declared else "but the request has no Content-Type"
        raise UnsupportedMediaType(
            f"The body must be {media_type}, {found}.", accepted=media_type, method=request.method
        )
    too_large = ContentTooLarge(f"The body may have {limits.max_bytes} bytes at most.")
    if (request.content_length or 0) > limits.max_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.timeout_s):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limits.max_bytes:
                    raise too_large
    except TimeoutError:
        raise RequestTooSlow(
            f"The body did not arrive within {limits.timeout_s:g} seconds."
        ) from None
    return bytes(body)
