"""The WHIP endpoint and its sessions over HTTP (RFC 9725 section 4). Thin: decides nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web
from multidict import CIMultiDict

from voicemedia_server.edge.bodies import BodyLimits, read_body
from voicemedia_server.edge.clients import Clients
from voicemedia_server.edge.cors import is_preflight
from voicemedia_server.edge.forwarding import Forwarder
from voicemedia_server.edge.ice_servers import IceServers, pseudonym
from voicemedia_server.edge.locations import Locations, Named
from voicemedia_server.edge.problems import Handler
from voicemedia_server.edge.rates import RateLimits
from voicemedia_server.edge.session_tokens import PARAMETER, SessionTokens
from voicemedia_server.edge.tokens import Authenticator
from voicemedia_server.service import SessionService
from voicemedia_server.session import OpenRequest, WebRtcSession
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.sessions.offer import IceCredentials
from voicemedia_server.sessions.refusals import (
    FragmentMalformed,
    FragmentUnacceptable,
    InsufficientScope,
    SessionUnknown,
    Unauthenticated,
)
from voicemedia_server.whip import sdpfrag
from voicemedia_server.whip.events import HEADERS, HEARTBEAT_S, Readers, stream_events
from voicemedia_server.whip.links import events_link, ice_server_links
from voicemedia_server.whip.negotiation import WhipPolicy, negotiate, read_echo_form
from voicemedia_server.whip.preconditions import check_if_match

ENDPOINT = "/whip"
SESSIONS = "/whip/sessions/"
EVENTS = "/whip/events/"
SDP = "application/sdp"


@dataclass(frozen=True, slots=True)
class Whip:
    """The endpoint: what it needs, and a method for each request."""

    service: SessionService
    authenticator: Authenticator
    clients: Clients
    rates: RateLimits
    policy: WhipPolicy
    limits: BodyLimits
    ice_servers: Callable[[], IceServers]
    session_tokens: SessionTokens
    locations: Locations
    forwarder: Forwarder | None = None
    heartbeat_s: float = HEARTBEAT_S
    readers: Readers = field(default_factory=Readers)

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        router = app.router
        router.add_post(ENDPOINT, self.open)
        router.add_get(ENDPOINT, self.describe_endpoint)
        router.add_options(ENDPOINT, self.endpoint_options)
        session = router.add_resource(SESSIONS + "{id}")
        session.add_route("PATCH", self._where_it_lives(self.patch))
        session.add_route("DELETE", self._where_it_lives(self.close))
        session.add_route("GET", self._where_it_lives(self.describe_session))
        session.add_route("HEAD", self._where_it_lives(self.describe_session))
        session.add_route("OPTIONS", self.session_options)
        router.add_get(EVENTS + "{id}", self._where_it_lives(self.events))
        router.add_options(EVENTS + "{id}", self.events_options)

    # -- the endpoint -----------------------------------------------------------------------

    async def open(self, request: web.Request) -> web.Response:
        """POST: an offer in, `201` with the answer out. `?echo=decoded` asks for that form."""
        requested_ns = self.service.now_ns()
        self.rates.check("POST", self.clients.key(request))
        principal = await self._principal(request)
        decision = self.session_tokens.decision_of(request.query.get(PARAMETER))
        echo_form = read_echo_form(request.query.getall("echo", []))
        self.service.check_admission(echo_form)
        body = await read_body(request, SDP, self.limits)
        offer = self.service.read_offer(body)
        agreement = negotiate(offer, self.policy, echo_form)
        session = await self.service.open_session(
            OpenRequest(offer, agreement, principal, requested_ns, decision)
        )
        headers = CIMultiDict(
            {
                "Location": self.clients.path(request, SESSIONS + self.locations.name(session.id)),
                "ETag": f'"{session.entity_tag}"',
                "Accept-Patch": sdpfrag.MEDIA_TYPE,
                "Cache-Control": "no-store",
            }
        )
        events_url = self.clients.url(request, EVENTS + self.locations.name(session.events_id))
        for value in (*self._ice_links(session.label), events_link(events_url)):
            headers.add("Link", value)
        return web.Response(
            status=201, body=session.answer_sdp.encode(), content_type=SDP, headers=headers
        )

    async def describe_endpoint(self, request: web.Request) -> web.Response:
        """GET and HEAD: there is an endpoint here (RFC 9725 section 4.1)."""
        return web.Response(status=204)

    async def endpoint_options(self, request: web.Request) -> web.Response:
        """OPTIONS: what may be posted; ICE servers to who may post, never on a preflight (4.6)."""
        headers = CIMultiDict({"Accept-Post": SDP, "Allow": "POST, GET, HEAD, OPTIONS"})
        if not is_preflight(request):
            for value in await self._ice_links_of_caller(request):
                headers.add("Link", value)
        return web.Response(status=200, headers=headers)

    # -- a session --------------------------------------------------------------------------

    async def patch(self, request: web.Request) -> web.Response:
        """PATCH: candidates of the client (204), or an ICE restart (200)."""
        self.rates.check("PATCH", self.clients.key(request))
        session = await self._own_session(request)
        body = await read_body(request, sdpfrag.MEDIA_TYPE, self.limits)
        fragment = sdpfrag.read_fragment(body)
        self.service.session(session.id)  # it may have ended while we read
        if_match = ", ".join(request.headers.getall("If-Match", ())) or None
        check_if_match(if_match, session.entity_tag)  # before what it asks for: RFC 9110 13.2.1
        credentials = self._restart_of(fragment, session)
        if credentials is None:
            return web.Response(status=204)
        description = self.service.restart_ice(session, credentials)
        return web.Response(
            status=200,
            body=sdpfrag.write_fragment(description, session.tagged_mid).encode(),
            content_type=sdpfrag.MEDIA_TYPE,
            headers={"ETag": f'"{session.entity_tag}"', "Cache-Control": "no-store"},
        )

    def _restart_of(
        self, fragment: sdpfrag.Fragment, session: WebRtcSession
    ) -> IceCredentials | None:
        """The new credentials where the client restarts ICE; `None` where it trickles.

        Raises `FragmentMalformed` or `FragmentUnacceptable`.
        """
        known_mids = {section.mid for section in session.offer.media}
        if any(mid not in known_mids for mid in fragment.mids):
            raise FragmentMalformed("a=mid names a section that the offer does not have.")
        if fragment.credentials is None or fragment.credentials == session.remote_ice:
            if not self.policy.trickle:
                raise FragmentUnacceptable("Trickle ICE is switched off here.")
            return None
        if not self.policy.ice_restart:
            raise FragmentUnacceptable("ICE restart is switched off here.")
        return fragment.credentials

    async def close(self, request: web.Request) -> web.Response:
        """DELETE: ends the session; answered when all that it held is freed."""
        self.rates.check("DELETE", self.clients.key(request))
        session = await self._own_session(request)
        await self.service.close_session(session, CloseReason.DELETED)
        return web.Response(status=200)

    async def describe_session(self, request: web.Request) -> web.Response:
        """GET and HEAD: the session lives."""
        await self._own_session(request)
        return web.Response(status=204)

    async def session_options(self, request: web.Request) -> web.Response:
        """OPTIONS: what may be patched."""
        headers = {"Accept-Patch": sdpfrag.MEDIA_TYPE, "Allow": "PATCH, DELETE, GET, HEAD, OPTIONS"}
        return web.Response(status=200, headers=headers)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """GET of the event stream; its unguessable URL is the right to read it."""
        session = self.service.session_by_events_id(self._named(request).session_id)
        if request.method == "HEAD":
            return web.Response(headers=HEADERS)
        return await stream_events(request, session, self.readers, self.heartbeat_s)

    async def events_options(self, request: web.Request) -> web.Response:
        """OPTIONS of the event stream: it can only be read."""
        return web.Response(status=200, headers={"Allow": "GET, HEAD, OPTIONS"})

    # -- shared -----------------------------------------------------------------------------

    async def _principal(self, request: web.Request) -> str:
        return await self.authenticator.principal(request.headers.get("Authorization"))

    def _named(self, request: web.Request) -> Named:
        return self.locations.read(request.match_info["id"])

    def _where_it_lives(self, handler: Handler) -> Handler:
        """Served here, or passed on to the server that holds the session."""

        async def serve(request: web.Request) -> web.StreamResponse:
            server_url = self._named(request).server_url
            if server_url is None or self.forwarder is None:
                return await handler(request)
            if request.method in ("PATCH", "DELETE"):
                self.rates.check(request.method, self.clients.key(request))
            return await self.forwarder.forward(request, server_url)

        return serve

    async def _own_session(self, request: web.Request) -> WebRtcSession:
        principal = await self._principal(request)
        session = self.service.session(self._named(request).session_id)
        if not isinstance(session, WebRtcSession):
            raise SessionUnknown
        if session.principal != principal:
            raise InsufficientScope("This session belongs to another token.")
        return session

    async def _ice_links_of_caller(self, request: web.Request) -> tuple[str, ...]:
        """None without a token where one is needed: what else OPTIONS says is no secret."""
        try:
            principal = await self._principal(request)
        except Unauthenticated:
            return ()
        return self._ice_links(pseudonym(principal))

    def _ice_links(self, user: str) -> tuple[str, ...]:
        return tuple(ice_server_links(self.ice_servers(), int(time.time()), user))
