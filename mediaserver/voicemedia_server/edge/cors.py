"""Cross-origin requests (Fetch, CORS protocol): headers on all responses, errors too."""

from __future__ import annotations

from aiohttp import web

ALLOW_METHODS = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
ALLOW_HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID, traceparent"
EXPOSE_HEADERS = "Location, ETag, Link, Accept-Patch, Accept-Post, Retry-After, WWW-Authenticate"
PREFLIGHT_MAX_AGE_S = 7200


def is_preflight(request: web.Request) -> bool:
    """Whether a browser asks for leave, rather than a client for what is supported."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def add_cors(app: web.Application, origins: tuple[str, ...]) -> None:
    """Adds the headers for the allowed `origins` to every response; `*` allows all of them."""

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Server"] = "voicemedia"  # not which library in which version
        response.headers.add("Vary", "Origin")
        origin = request.headers.get("Origin")
        if "*" in origins:
            origin = "*"
        elif origin not in origins:
            return
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSE_HEADERS
        if is_preflight(request):
            response.headers["Access-Control-Allow-Methods"] = ALLOW_METHODS
            response.headers["Access-Control-Allow-Headers"] = ALLOW_HEADERS
            response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_MAX_AGE_S)

    app.on_response_prepare.append(add_headers)
