"""A port without a token is for programs of its own machine, not for web pages that run there.

A browser sends `Origin` with what a foreign page makes it send, and a name that its owner points
at this machine (DNS rebinding) stands in `Host`.
"""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from voicemedia_server.config.values import ListenAddress
from voicemedia_server.sessions.refusals import Refusal, RefusalReason

OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class ForeignPage(Refusal):
    """A page, or a name, of somebody else."""

    status = 403
    reason = RefusalReason.BAD_REQUEST
    title = "Not from a web page"


def local_port_middleware(address: ListenAddress) -> Middleware:
    """Refuses what a web page could make a browser send to this address."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if "Origin" in request.headers:
            raise ForeignPage("This port takes no requests of web pages.")
        if address.is_loopback and request.url.host not in OWN_NAMES | {address.host}:
            raise ForeignPage("This port is known by the names of its own machine only.")
        return await handler(request)

    return check
