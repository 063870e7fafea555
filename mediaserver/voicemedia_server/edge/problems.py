"""One function maps our errors to responses: problem details by RFC 9457.

A client gets a status, a title and one sentence that says what to mend; never a stack trace.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
from aiohttp import web

from voicemedia_server.sessions.refusals import (
    ContentTooLarge,
    InsufficientScope,
    InvalidToken,
    Refusal,
    RefusalReason,
    RequestTooSlow,
    Unauthenticated,
    UnsupportedMediaType,
)

log = structlog.get_logger("http")

PROBLEM_TYPE = "application/problem+json"
TYPE_BASE = "https://voicemedia.dev/problems/"
REALM = "voicemedia"
UNQUOTABLE = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")  # RFC 6750 section 3
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RefusalCounter(Protocol):
    """Counts what was refused, by reason; implemented by `telemetry`."""

    def refused(self, reason: RefusalReason) -> None: ...


class Uncounted:
    """A `RefusalCounter` for ports whose refusals are no user's."""

    def refused(self, reason: RefusalReason) -> None:
        """Nothing."""


class MethodNotAllowed(Refusal):
    """The resource does not take this method (RFC 9110 section 15.5.6)."""

    status = 405
    reason = RefusalReason.METHOD_NOT_ALLOWED
    title = "Method not allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"This resource takes {allowed}.")
        self.allowed = allowed


class UpgradeRequired(Refusal):
    """The request does not ask for the protocol that is spoken here (RFC 9110 section 15.5.22)."""

    status = 426
    reason = RefusalReason.UPGRADE_REQUIRED
    title = "Upgrade required"

    def __init__(self, protocol: str) -> None:
        super().__init__(f"This resource speaks another protocol: send Upgrade: {protocol}.")
        self.protocol = protocol


class NoSuchResource(Refusal):
    """No route leads there."""

    status = 404
    reason = RefusalReason.NOT_FOUND
    title = "Not found"


class Broken(Refusal):
    """A fault of ours: logged in full under the request's id, told without detail."""

    status = 500
    reason = RefusalReason.INTERNAL
    title = "Internal server error"

    def __init__(self, request_id: str) -> None:
        super().__init__(f"The server failed; its log tells why, as request {request_id}.")


class RefusedByHttp(Refusal):
    """What aiohttp itself refuses, such as an expectation that nobody meets."""

    def __init__(self, status: int, title: str) -> None:
        super().__init__("The request cannot be served.")
        self.status = status
        self.title = title


def problem_response(refusal: Refusal, instance: str) -> web.Response:
    """The response to a refused request; `instance` is the path that was asked for."""
    body = {
        "type": TYPE_BASE + refusal.reason,
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "instance": instance,
    }
    response = web.Response(
        status=refusal.status, body=json.dumps(body).encode(), content_type=PROBLEM_TYPE
    )
    if refusal.retry_after_s is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    match refusal:
        case MethodNotAllowed():
            response.headers["Allow"] = refusal.allowed
        case UpgradeRequired():
            response.headers["Upgrade"] = refusal.protocol
            response.headers["Connection"] = "Upgrade"
        case UnsupportedMediaType():
            field = "Accept-Patch" if refusal.method == "PATCH" else "Accept"
            response.headers[field] = refusal.accepted
            if refusal.method == "POST":
                response.headers["Accept-Post"] = refusal.accepted
        case Unauthenticated() | InvalidToken() | InsufficientScope():
            response.headers["WWW-Authenticate"] = challenge(refusal)
        case ContentTooLarge() | RequestTooSlow():
            response.force_close()  # what is left of the body will not be waited for
    return response


def challenge(refusal: Refusal) -> str:
    """The `WWW-Authenticate` of a refusal (RFC 6750 section 3)."""
    realm = f'Bearer realm="{REALM}"'
    if isinstance(refusal, Unauthenticated):
        return realm
    error = "insufficient_scope" if isinstance(refusal, InsufficientScope) else "invalid_token"
    description = UNQUOTABLE.sub("'", refusal.detail)
    return f'{realm}, error="{error}", error_description="{description}"'


def problem_middleware(counter: RefusalCounter) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Turns whatever a handler raises into a problem response, and counts it.

    Lines that are logged while a request is served carry its id as `request`.
    """

    @web.middleware
    async def map_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = secrets.token_hex(4)
        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                return await handler(request)
            except Refusal as raised:
                refusal = raised
            except web.HTTPException as raised:
                if raised.status < 400:
                    raise
                refusal = _refused_by_http(raised)
            except Exception:  # the request's root
                log.exception("request failed", method=request.method)
                refusal = Broken(request_id)
        counter.refused(refusal.reason)
        return problem_response(refusal, request.path)

    return map_errors


def _refused_by_http(raised: web.HTTPException) -> Refusal:
    match raised:
        case web.HTTPMethodNotAllowed():
            return MethodNotAllowed(", ".join(sorted(raised.allowed_methods)))
        case web.HTTPNotFound():
            return NoSuchResource("Nothing is at this path.")
    return RefusedByHttp(raised.status, raised.reason)
