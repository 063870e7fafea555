"""Passes a request on to the server of the fleet that holds the session: one hop, never two."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, web

from voicemedia_server.edge.bodies import BodyLimits, read_whole
from voicemedia_server.sessions.refusals import Refusal, RefusalReason, SessionUnknown

log = structlog.get_logger("forwarding")

HOP = "Voicemedia-Hop"
"""Marks a request that was passed on. A client that sends it gains nothing: 404."""
PASSED_ON = (
    "Accept",
    "Authorization",
    "Content-Type",
    "If-Match",
    "Last-Event-ID",
    "Origin",
    "traceparent",
)
PASSED_BACK = (
    "Accept-Patch",
    "Allow",
    "Cache-Control",
    "Content-Type",
    "ETag",
    "Link",
    "Retry-After",
    "WWW-Authenticate",
    "X-Accel-Buffering",
)
CONNECT_S = 2.0
READ_S = 30.0
"""Between two pieces of an answer: event streams say something every 15 s."""


class ServerUnreachable(Refusal):
    """The server that holds the session does not answer: it ended, or cannot be reached."""

    status = 502
    reason = RefusalReason.SERVER_UNREACHABLE
    title = "The session's server cannot be reached"


@dataclass(frozen=True, slots=True)
class Forwarder:
    """Passes requests on by `http`; bodies are held to the limits here too."""

    http: ClientSession
    limits: BodyLimits

    async def forward(self, request: web.Request, server_url: str) -> web.StreamResponse:
        """The other server's answer, as it comes. Raises `ServerUnreachable`, `SessionUnknown`
        for a request that was passed on before, and what reading the body raises."""
        if HOP in request.headers:
            raise SessionUnknown
        body = await read_whole(request, self.limits)
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        forwarded_for = request.headers.get("X-Forwarded-For")
        peer = request.remote or "unknown"
        headers["X-Forwarded-For"] = f"{forwarded_for}, {peer}" if forwarded_for else peer
        timeout = ClientTimeout(total=None, connect=CONNECT_S, sock_read=READ_S)
        response: web.StreamResponse | None = None
        try:
            async with self.http.request(
                request.method,
                server_url + request.rel_url.raw_path_qs,
                data=body or None,
                headers={**headers, HOP: "1"},
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                response = web.StreamResponse(status=answer.status)
                for name in PASSED_BACK:
                    for value in answer.headers.getall(name, ()):
                        response.headers.add(name, value)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response
        except (ClientError, TimeoutError) as failure:
            log.warning("another server does not answer", failure=type(failure).__name__)
            if response is not None and response.prepared:  # the client must see that it broke
                if request.transport is not None:
                    request.transport.abort()
                return response
            raise ServerUnreachable(
                "The server that holds this session does not answer; open a new session."
            ) from failure
