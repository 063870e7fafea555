"""The server under test: requests to it, sessions on it, and putting away what a check left."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urljoin

import aiohttp

from whip_conformance.offers import Identity, Offer, baseline, new_credentials
from whip_conformance.options import Options
from whip_conformance.peer.certificate import new_certificate
from whip_conformance.peer.peer import Peer
from whip_conformance.reply import Reply
from whip_conformance.session import Call, Session
from whip_conformance.syntax.sdp import SdpError, read_description
from whip_conformance.verdict import Failed, require

SDP = "application/sdp"
REQUEST_TIMEOUT_S = 15.0
PATIENCE_S = 10
LARGE_BYTES = 1 << 19
REDIRECTS = 5
CONSENTS_PER_TIMEOUT = 4


class Target:
    """One check's view of the server. `unclean` counts what could not be put away."""

    def __init__(self, options: Options, http: aiohttp.ClientSession) -> None:
        self.options = options
        self.unclean = 0
        self._http = http
        self._sessions: list[Session] = []
        self._peers: list[Peer] = []

    @property
    def url(self) -> str:
        """The WHIP endpoint."""
        return self.options.url

    async def request(
        self,
        method: str,
        url: str | None = None,
        *,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        is_anonymous: bool = False,
        is_patient: bool = True,
    ) -> Reply:
        """One request, never redirected. Raises `Failed` where the connection breaks.

        The token is the owner's unless another is given; a patient request obeys 429 and 503
        with a short `Retry-After` up to three times, as a client would.
        """
        fields = dict(headers or {})
        token = token or self.options.token
        if token is not None and not is_anonymous:
            fields.setdefault("Authorization", f"Bearer {token}")
        for _ in range(3):
            reply = await self._request(method, url or self.url, body, fields)
            if not is_patient or reply.status not in (429, 503):
                break
            if reply.header("Retry-After") is None:
                break
            wait_s = reply.expect_retry_after_s()
            if wait_s > PATIENCE_S:
                break
            await asyncio.sleep(wait_s)
        if method == "POST":
            self._remember(reply, body, token)
        return reply

    async def _request(
        self, method: str, url: str, body: bytes | str | None, fields: Mapping[str, str]
    ) -> Reply:
        content = body.encode() if isinstance(body, str) else body
        # aiohttp warns about a large body unless it is a file.
        data = io.BytesIO(content) if content and len(content) > LARGE_BYTES else content
        started_s = time.monotonic()
        what = f"{method} on the {'endpoint' if url == self.url else 'session URL'}"
        try:
            async with self._http.request(
                method,
                url,
                data=data,
                headers=fields,
                allow_redirects=False,
                skip_auto_headers=("Content-Type", "User-Agent"),
            ) as response:
                read = await response.read()
                duration_s = time.monotonic() - started_s
                return Reply(what, url, response.status, response.headers, read, duration_s)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Failed(f"{what} broke off: {type(error).__name__}") from error

    async def post(
        self,
        offer: Offer | bytes | str,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        is_anonymous: bool = False,
        is_patient: bool = True,
    ) -> Reply:
        """Posts an offer to the endpoint; redirects that keep the method are followed."""
        body = offer.text if isinstance(offer, Offer) else offer
        fields = {"Content-Type": SDP, **(headers or {})}
        url = self.url
        for _ in range(REDIRECTS):
            reply = await self.request(
                "POST",
                url,
                body=body,
                headers=fields,
                token=token,
                is_anonymous=is_anonymous,
                is_patient=is_patient,
            )
            location = reply.header("Location")
            if reply.status not in (307, 308) or location is None:
                break
            url = urljoin(url, location)
        return reply

    def _remember(self, reply: Reply, body: bytes | str | None, token: str | None) -> None:
        location = reply.header("Location")
        if reply.status == 201 and location is not None:
            text = body.decode(errors="replace") if isinstance(body, bytes) else body
            url = urljoin(reply.url, location)
            self._sessions.append(Session(self, url, reply, Offer(text or ""), token))

    def identity(self) -> Identity:
        """A new identity for a session that nobody will connect to."""
        return Identity(new_credentials(), new_certificate().fingerprint)

    async def open(self, offer: Offer | None = None, *, token: str | None = None) -> Session:
        """A session. Raises `Failed` unless a readable answer came with a Location."""
        made = (offer or baseline()).with_identity(self.identity())
        return self.session_of(await self.post(made, token=token))

    def session_of(self, reply: Reply) -> Session:
        """The session that this reply to a POST made. Raises `Failed` where it made none."""
        reply.expect(201)
        require(reply.header("Location") is not None, "the 201 has no Location")
        session = next(s for s in reversed(self._sessions) if s.created is reply)
        try:
            read_description(reply.body.decode())
        except (SdpError, UnicodeDecodeError) as error:
            raise Failed(f"the answer is no SDP: {error}") from error
        return session

    def new_peer(self, peer: Peer | None = None) -> Peer:
        """A client of ours, put away with the target."""
        peer = peer or Peer()
        consent_s = self.options.consent_timeout_s
        peer.consent_interval_s = min(peer.consent_interval_s, consent_s / CONSENTS_PER_TIMEOUT)
        self._peers.append(peer)
        return peer

    async def offer_of(self, peer: Peer, offer: Offer | None = None) -> Offer:
        """The offer in the peer's name, with its host candidate."""
        made = offer or baseline(self.options.direction)
        _, candidate = await peer.host_candidate(self.options.host)
        return made.with_identity(peer.identity).with_candidates([candidate])

    async def call(self, offer: Offer | None = None, peer: Peer | None = None) -> Call:
        """A session that is connected and secured. Raises `Failed` where it can't be had."""
        peer = self.new_peer(peer)
        session = self.session_of(await self.post(await self.offer_of(peer, offer)))
        call = Call(session, peer)
        await call.connect()
        return call

    async def close(self) -> None:
        """Ends every session and peer that the check left."""
        for peer in self._peers:
            peer.close_dtls()
            peer.vanish()
        for session in self._sessions:
            if session.is_deleted:
                continue
            try:
                await session.delete()
            except Failed:
                self.unclean += 1


@asynccontextmanager
async def open_target(options: Options) -> AsyncIterator[Target]:
    """A target for one check."""
    connector = aiohttp.TCPConnector(ssl=options.is_tls_verified, limit=100)
    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
    ) as http:
        target = Target(options, http)
        try:
            yield target
        finally:
            await target.close()
