"""A session's events as server-sent events (WHATWG HTML section 9.2): one `data:` line each."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from voicemedia_server.service import Session
from voicemedia_server.sessions.refusals import RateLimited

HEARTBEAT_S = 15.0
MAX_READERS = 4


async def stream_events(request: web.Request, session: Session) -> web.StreamResponse:
    """Streams until the session ends or the reader leaves. Raises `RateLimited` when too many
    readers listen to one session."""
    if session.reader_count >= MAX_READERS:
        raise RateLimited(f"A session has {MAX_READERS} event readers at most.", retry_after_s=5)
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    with session.events() as stream:
        await response.prepare(request)
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    event = await stream.next()
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            if event is None:
                break
            data = json.dumps({"detail": event.detail})
            await response.write(f"event: {event.kind}\ndata: {data}\n\n".encode())
        await response.write_eof()
    return response
