"""A session's events as server-sent events (WHATWG HTML section 9.2): one `data:` line each."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from aiohttp import web

from voicemedia_server.session import EventStream, Session, SessionEvent
from voicemedia_server.sessions.offer import SessionId

log = structlog.get_logger("events")

HEARTBEAT_S = 15.0
WRITE_TIMEOUT_S = 10.0
MAX_READERS = 4
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would keep events until it has a buffer full of them
}
HEARTBEAT = b": still here\n\n"


class Readers:
    """The event streams that are read now, bounded for each session.

    One too many ends the oldest: a reader whose network changed comes again, and of the
    connection that it lost nobody is told.
    """

    def __init__(self) -> None:
        self._streams: dict[SessionId, deque[EventStream]] = {}

    @contextmanager
    def join(self, session: Session) -> Iterator[EventStream]:
        """A stream of the session's events from now on."""
        with session.events() as stream:
            streams = self._streams.setdefault(session.id, deque())
            if len(streams) >= MAX_READERS:
                streams.popleft().put(None)
            streams.append(stream)
            try:
                yield stream
            finally:
                if stream in streams:
                    streams.remove(stream)
                if not streams:
                    self._streams.pop(session.id, None)


async def stream_events(
    request: web.Request, session: Session, readers: Readers, heartbeat_s: float = HEARTBEAT_S
) -> web.StreamResponse:
    """Streams until the session ends, the reader leaves or stops reading."""
    response = web.StreamResponse(headers=HEADERS)
    try:
        with readers.join(session) as stream:
            await response.prepare(request)
            while True:
                try:
                    async with asyncio.timeout(heartbeat_s):
                        event = await stream.next()
                except TimeoutError:
                    await _write(response, HEARTBEAT)
                    continue
                if event is None:
                    break
                await _write(response, encode(event))
            await response.write_eof()
    except (ConnectionError, TimeoutError):
        log.debug("event reader left", session=session.label)
        if request.transport is not None:
            request.transport.abort()
    return response


def encode(event: SessionEvent) -> bytes:
    """An event as it is sent."""
    data = json.dumps({"detail": event.detail})
    return f"event: {event.kind}\ndata: {data}\n\n".encode()


async def _write(response: web.StreamResponse, chunk: bytes) -> None:
    """Raises `TimeoutError` where the reader does not read, and nothing more fits in between."""
    async with asyncio.timeout(WRITE_TIMEOUT_S):
        await response.write(chunk)
