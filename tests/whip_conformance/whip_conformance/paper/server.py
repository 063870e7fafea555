"""The paper server's HTTP side."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from whip_conformance.paper.answers import Answerer, ReadOffer, Refused, read_offer, read_patch
from whip_conformance.paper.flaws import Flaw
from whip_conformance.paper.media import Media, MediaSession
from whip_conformance.syntax.candidates import Credentials
from whip_conformance.syntax.fields import read_media_type
from whip_conformance.syntax.fragment import MEDIA_TYPE

SDP = "application/sdp"
ENDPOINT = "/whip"
MAX_BODY_BYTES = 65536
TICK_S = 0.02
SLOWNESS_S = 0.5
SLOW_ONE = 7
METHODS = "POST, PATCH, DELETE, OPTIONS, GET, HEAD"
HEADERS = "Authorization, Content-Type, If-Match"
EXPOSED = "Location, ETag, Link, Accept-Patch, Retry-After, WWW-Authenticate"
TAG = re.compile(r'(?:W/)?"[^"]*"')


@dataclass(frozen=True, slots=True)
class Settings:
    """How the paper server is set up. `tokens` map a token to whether it may publish."""

    is_echo: bool = True
    has_restart: bool = True
    consent_s: float = 1.0
    setup_s: float = 1.0
    capacity: int = 1000
    requests_per_s: int | None = None
    tokens: Mapping[str, bool] = field(default_factory=dict)
    has_ice_servers: bool = False
    trusts_forwarded: bool = False


@dataclass(slots=True)
class Session:
    """A session as HTTP knows it."""

    id: str
    owner: str | None
    offer: ReadOffer
    remote: Credentials
    media: MediaSession
    opened_s: float
    tags: list[str] = field(default_factory=list)


class PaperServer:
    """Handles every request; `flaws` are what it does wrong."""

    def __init__(self, settings: Settings, flaws: frozenset[Flaw], media: Media) -> None:
        self.settings = settings
        self.flaws = flaws
        self.media = media
        self.sessions: dict[str, Session] = {}
        self.is_draining = False
        self._count = 0
        self._requests: dict[str, list[float]] = {}
        host, port = media.address
        self.answerer = Answerer(
            media.certificate, f"1 1 udp 2130706431 {host} {port} typ host", settings.is_echo, flaws
        )

    def has(self, flaw: Flaw) -> bool:
        return flaw in self.flaws

    async def handle(self, request: web.Request) -> web.Response:
        """Every request: refusals become responses, CORS goes onto all of them."""
        try:
            response = await self._route(request)
        except Refused as refused:
            response = self._refusal(refused.status, refused.detail)
            if refused.status == 415:
                response.headers["Accept"] = SDP
        except Limited as limited:
            response = self._refusal(limited.status, "come back later")
            if not limited.is_without_hint:
                response.headers["Retry-After"] = str(limited.wait_s)
        if not self.has(Flaw.NO_CORS):
            response.headers["Access-Control-Allow-Origin"] = "*"
            exposed = "Location" if self.has(Flaw.EXPOSES_LOCATION) else EXPOSED
            response.headers["Access-Control-Expose-Headers"] = exposed
        return response

    def _refusal(self, status: int, detail: str, **headers: str) -> web.Response:
        if self.has(Flaw.REFUSALS_ARE_418) and status in range(400, 429):
            status = 418
        if self.has(Flaw.REFUSALS_ARE_500) and status in (400, 413, 415, 422):
            status = 500
        if self.has(Flaw.PLAIN_ERRORS):
            return web.Response(status=status, text=detail, headers=headers)
        told = status + 1 if self.has(Flaw.PROBLEM_LIES) else status
        problem = {"type": "about:blank", "title": detail, "status": told, "detail": detail}
        return web.Response(
            status=status,
            body=json.dumps({**problem, "instance": "/"}).encode(),
            headers={"Content-Type": "application/problem+json", **headers},
        )

    async def _route(self, request: web.Request) -> web.Response:
        path = request.path
        if path in ("/admin/drain", "/admin/undrain"):
            self.is_draining = path == "/admin/drain"
            return web.Response(status=204)
        is_endpoint = path == ENDPOINT
        if request.method == "OPTIONS":
            return self._options(request, is_endpoint=is_endpoint)
        if is_endpoint:
            return await self._endpoint(request)
        return await self._session(request)

    # -- the endpoint

    def _options(self, request: web.Request, *, is_endpoint: bool) -> web.Response:
        is_preflight = "Access-Control-Request-Method" in request.headers
        if is_preflight and self.has(Flaw.PREFLIGHT_NEEDS_TOKEN):
            self._principal(request)
        status = 204 if self.has(Flaw.OPTIONS_IS_204) else 200
        response = web.Response(status=status)
        if not self.has(Flaw.NO_ACCEPT_POST):
            response.headers["Accept-Post"] = SDP
        response.headers["Accept-Patch"] = MEDIA_TYPE
        if not self.has(Flaw.NO_CORS):
            methods = "POST" if self.has(Flaw.NARROW_CORS) else METHODS
            response.headers["Access-Control-Allow-Methods"] = methods
            response.headers["Access-Control-Allow-Headers"] = HEADERS
        if is_endpoint and (not is_preflight or self.has(Flaw.LINKS_ON_PREFLIGHT)):
            self._add_links(response)
        return response

    def _add_links(self, response: web.Response) -> None:
        if not self.settings.has_ice_servers:
            return
        user = "1" if self.has(Flaw.SHARED_CREDENTIALS) else secrets.token_hex(4)
        mark = "%3F" if self.has(Flaw.ESCAPED_LINK) else "?"
        response.headers.add("Link", '<stun:stun.example.net>; rel="ice-server"')
        response.headers.add(
            "Link",
            f'<turn:turn.example.net{mark}transport=udp>; rel="ice-server"; '
            f'username="{user}"; credential="a\\"b,{user}"; credential-type="password"',
        )

    async def _endpoint(self, request: web.Request) -> web.Response:
        if request.method in ("GET", "HEAD"):
            return self._got(request)
        if request.method != "POST":
            return self._not_allowed("POST, GET, HEAD, OPTIONS")
        self._limit(request)
        owner = self._principal(request)
        if self.has(Flaw.REDIRECTS_BY_302):
            return web.Response(status=302, headers={"Location": ENDPOINT})
        await self._check_type(request, SDP, is_any=self.has(Flaw.ANY_CONTENT_TYPE))
        body = await request.read()
        if len(body) > MAX_BODY_BYTES:
            raise Refused(413, "too large")
        self._check_room()
        try:
            offer = read_offer(body, self.flaws)
        except Refused as refused:
            if refused.status != 400 or not self.has(Flaw.LENIENT_SDP):
                raise
            return web.Response(status=201, text="", content_type=SDP)
        if self.has(Flaw.SLOW_ANSWERS) and self._count == SLOW_ONE:
            await asyncio.sleep(SLOWNESS_S)
        return self._created(request, self._open(offer, owner))

    def _got(self, request: web.Request) -> web.Response:
        if self.has(Flaw.GET_IS_405) or (request.method == "HEAD" and self.has(Flaw.HEAD_IS_405)):
            return self._not_allowed("POST")
        if self.has(Flaw.GET_HAS_CONTENT):
            return web.Response(text="a page")
        return web.Response(status=200 if self.has(Flaw.GET_IS_200) else 204)

    def _not_allowed(self, allowed: str) -> web.Response:
        response = self._refusal(405, "another method")
        if not self.has(Flaw.NO_ALLOW):
            response.headers["Allow"] = allowed
        return response

    async def _check_type(self, request: web.Request, wanted: str, *, is_any: bool) -> None:
        given = request.headers.get("Content-Type")
        is_right = read_media_type(given) == wanted
        if self.has(Flaw.PEDANTIC_TYPES):
            is_right = given == wanted
        if not is_right and not is_any:
            raise Refused(415, f"it must be {wanted}")

    def _check_room(self) -> None:
        if self.is_draining:
            if self.has(Flaw.DRAIN_IS_500):
                raise Refused(500, "draining")
            raise Limited(503, 30)
        if len(self.sessions) >= self.settings.capacity:
            raise Limited(503, 1, is_without_hint=self.has(Flaw.FULL_WITHOUT_HINT))

    def _open(self, offer: ReadOffer, owner: str | None) -> Session:
        self._count += 1
        is_counted = self.has(Flaw.COUNTED_URLS)
        id = f"session-{self._count}" if is_counted else secrets.token_urlsafe(24)
        media = self.media.open(offer.fingerprint, is_echoed=self.answerer.is_echoed(offer))
        session = Session(id, owner, offer, offer.credentials, media, time.monotonic())
        session.tags.append(self._new_tag())
        self.sessions[id] = session
        return session

    def _new_tag(self) -> str:
        return '"one"' if self.has(Flaw.ONE_TAG) else f'"{secrets.token_hex(6)}"'

    def _location(self, request: web.Request, session: Session) -> str:
        path = f"{ENDPOINT}/sessions/{session.id}"
        if self.has(Flaw.LOST_LOCATION):
            return f"{path}-lost"
        if self.has(Flaw.RELATIVE_LOCATION):
            return f"whip/sessions/{session.id}"
        host = request.headers.get("X-Forwarded-Host")
        is_believed = self.settings.trusts_forwarded and not self.has(Flaw.DEAF_TO_PROXY)
        if host is not None and (is_believed or self.has(Flaw.STEERED_LOCATION)):
            return f"{request.headers.get('X-Forwarded-Proto', 'http')}://{host}{path}"
        return f"{request.scheme}://{request.host}{path}"

    def _created(self, request: web.Request, session: Session) -> web.Response:
        answer = self.answerer.answer(session.offer, session.media.ice[-1])
        kind = "text/plain" if self.has(Flaw.ANSWER_IS_TEXT) else SDP
        response = web.Response(status=201, body=answer.encode(), headers={"Content-Type": kind})
        if not self.has(Flaw.NO_LOCATION):
            response.headers["Location"] = self._location(request, session)
        if not self.has(Flaw.NO_TAG):
            weak = "W/" if self.has(Flaw.WEAK_TAG) else ""
            response.headers["ETag"] = weak + session.tags[-1]
        if self.has(Flaw.BAD_RELATION):
            response.headers.add("Link", '</events>; rel="/relations/events"')
        self._add_links(response)
        return response

    # -- a session

    async def _session(self, request: web.Request) -> web.Response:
        session = self.sessions.get(request.path.rpartition("/")[2])
        if request.method in ("DELETE", "PATCH"):
            self._limit(request)
            if not self.has(Flaw.OPEN_SESSIONS):
                owner = self._principal(request)
                is_other = session is not None and owner != session.owner
                if is_other and not self.has(Flaw.SHARED_SESSIONS):
                    raise Refused(403, "somebody else's session")
        if session is None:
            if self.has(Flaw.UNKNOWN_IS_204):
                return web.Response(status=204)
            raise Refused(404, "no such session")
        if request.method in ("GET", "HEAD"):
            return self._got(request)
        if request.method not in ("PATCH", "DELETE"):
            return self._not_allowed("PATCH, DELETE, GET, HEAD, OPTIONS")
        if self.has(Flaw.REDIRECTS_SESSIONS):
            return web.Response(status=307, headers={"Location": request.path})
        if request.method == "DELETE":
            return self._deleted(request, session)
        return await self._patched(request, session)

    def _deleted(self, request: web.Request, session: Session) -> web.Response:
        if self.has(Flaw.DELETE_WANTS_TAG) and "If-Match" in request.headers:
            raise Refused(412, "another tag")
        if self.has(Flaw.EXTENSION_REQUIRED) and "X-Extension" not in request.headers:
            raise Refused(400, "an extension is required")
        if not self.has(Flaw.DELETE_DOES_NOTHING):
            self.end(session)
        return web.Response(status=204 if self.has(Flaw.DELETE_IS_204) else 200)

    def end(self, session: Session) -> None:
        """Ends and forgets it."""
        self.sessions.pop(session.id, None)
        self.media.end(session.media)

    async def _patched(self, request: web.Request, session: Session) -> web.Response:
        try:
            return await self._checked_patch(request, session)
        except Refused as refused:
            if self.has(Flaw.REFUSAL_KILLS):
                self.end(session)
            if refused.status == 415:
                headers = {"Accept-Patch": MEDIA_TYPE}
                return self._refusal(415, refused.detail, **headers)
            raise

    async def _checked_patch(self, request: web.Request, session: Session) -> web.Response:
        await self._check_type(request, MEDIA_TYPE, is_any=self.has(Flaw.ANY_PATCH_TYPE))
        matched = request.headers.get("If-Match")
        if matched is None and not self.has(Flaw.NO_TAG_NEEDED):
            raise Refused(428, "If-Match is required")
        try:
            remote = read_patch(await request.read(), session.offer, self.flaws)
        except Refused:
            if not self.has(Flaw.LENIENT_FRAGMENTS):
                raise
            remote = None
        is_star = matched == "*" or (matched == '"*"' and not self.has(Flaw.NO_QUOTED_STAR))
        if not is_star and not self._matches(matched or "", session):
            raise Refused(412, "another tag")
        is_restart = remote is not None and remote != session.remote
        if self.has(Flaw.RESTART_BY_STAR):
            is_restart = is_restart and is_star
        if remote is not None and is_restart:
            return self._restarted(session, remote)
        response = web.Response(status=204)
        if self.has(Flaw.TRICKLE_HAS_TAG):
            response.headers["ETag"] = session.tags[-1]
        return response

    def _matches(self, matched: str, session: Session) -> bool:
        if self.has(Flaw.ANY_TAG) or (self.has(Flaw.NO_TAG_NEEDED) and not matched):
            return True
        good = session.tags if self._keeps_tags() else session.tags[-1:]
        if self.has(Flaw.NO_LISTS):
            return matched in good
        given = TAG.findall(matched)
        if self.has(Flaw.WEAK_MATCHES):
            given = [tag.removeprefix("W/") for tag in given]
        return bool(set(given) & set(good))

    def _keeps_tags(self) -> bool:
        return self.has(Flaw.OLD_TAG_LIVES) or self.has(Flaw.TAG_OF_FIRST)

    def _restarted(self, session: Session, remote: Credentials) -> web.Response:
        if not self.settings.has_restart:
            raise Refused(500 if self.has(Flaw.UNSUPPORTED_IS_500) else 422, "no restarts")
        session.remote = remote
        session.tags.append(self._new_tag())
        ours = self.media.restart(session.media)
        body = self.answerer.fragment(session.offer, ours).encode()
        kind = "text/plain" if self.has(Flaw.RESTART_IS_TEXT) else MEDIA_TYPE
        return web.Response(body=body, headers={"Content-Type": kind, "ETag": session.tags[-1]})

    # -- who may, and how often

    def _principal(self, request: web.Request) -> str | None:
        if not self.settings.tokens:
            return None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        is_bearer = scheme == "Bearer" or (
            scheme.lower() == "bearer" and not self.has(Flaw.PICKY_SCHEME)
        )
        if not is_bearer:
            raise self._unauthorized(401, None)
        if token not in self.settings.tokens:
            raise self._unauthorized(401, "invalid_token")
        if not self.settings.tokens[token]:
            raise self._unauthorized(403, "insufficient_scope")
        return token

    def _unauthorized(self, status: int, error: str | None) -> web.HTTPException:
        parts = [] if self.has(Flaw.NO_REALM) else ['realm="paper"']
        if error is not None and not self.has(Flaw.NO_ERROR_CODE):
            parts.append(f'error="{error}"')
        headers = {"WWW-Authenticate": ("Bearer " + ", ".join(parts)).strip()}
        if self.has(Flaw.NO_CHALLENGE):
            headers = {}
        kind = web.HTTPUnauthorized if status == 401 else web.HTTPForbidden
        return kind(headers=headers)

    def _limit(self, request: web.Request) -> None:
        allowed = self.settings.requests_per_s
        if allowed is None or self.has(Flaw.NO_LIMITS):
            return
        now_s = time.monotonic()
        recent = [at for at in self._requests.get(request.method, []) if now_s - at < 1.0]
        if len(recent) >= allowed:
            wait_s = 1 if self.has(Flaw.ALL_AT_ONCE) else 1 + secrets.randbelow(2)
            raise Limited(429, wait_s, is_without_hint=self.has(Flaw.LIMIT_WITHOUT_HINT))
        self._requests[request.method] = [*recent, now_s]

    # -- time

    def tick(self) -> None:
        """Ends sessions whose client left, or never came."""
        loop_s, now_s = asyncio.get_running_loop().time(), time.monotonic()
        for session in list(self.sessions.values()):
            media = session.media
            if media.is_closed_by_client and not self.has(Flaw.DEAF_TO_CLOSE):
                self.end(session)
            elif media.is_secured:
                if self._is_lost(media, loop_s):
                    self.end(session)
            elif self._is_unused(session, now_s):
                self.end(session)

    def _is_unused(self, session: Session, now_s: float) -> bool:
        return now_s - session.opened_s > self.settings.setup_s and not self.has(Flaw.NEVER_FREES)

    def _is_lost(self, media: MediaSession, now_s: float) -> bool:
        if self.has(Flaw.IMMORTAL) or media.last_check_s is None:
            return False
        if self.has(Flaw.RESTART_IS_IMMORTAL) and media.has_restarted:
            return False
        limit_s = 0.1 if self.has(Flaw.IMPATIENT) else self.settings.consent_s
        return now_s - media.last_check_s > limit_s


class Limited(Exception):
    """Not now: 429 or 503, and when to come back."""

    def __init__(self, status: int, wait_s: int, *, is_without_hint: bool = False) -> None:
        super().__init__(status)
        self.status = status
        self.wait_s = wait_s
        self.is_without_hint = is_without_hint


@asynccontextmanager
async def paper_server(settings: Settings, *flaws: Flaw) -> AsyncIterator[str]:
    """A running server on loopback; yields its base URL."""
    loop = asyncio.get_running_loop()
    wrong = frozenset(flaws)
    _, media = await loop.create_datagram_endpoint(
        lambda: Media(wrong), local_addr=("127.0.0.1", 0)
    )
    server = PaperServer(settings, wrong, media)
    application = web.Application(client_max_size=4 << 20)
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()

    async def watch() -> None:
        while True:
            server.tick()
            await asyncio.sleep(TICK_S)

    watching = asyncio.create_task(watch())
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        media.close()
        await runner.cleanup()
