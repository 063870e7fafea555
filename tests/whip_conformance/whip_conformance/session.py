"""A WHIP session on the server, and a call: a session with a connected client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whip_conformance.offers import Offer
from whip_conformance.peer.path import Path
from whip_conformance.peer.peer import Pair, Peer, PeerError, RemoteIce
from whip_conformance.reply import Reply
from whip_conformance.syntax.candidates import (
    Candidate,
    CandidateError,
    Credentials,
    read_candidate,
)
from whip_conformance.syntax.fragment import (
    MEDIA_TYPE,
    Fragment,
    credentials_in,
    read_fragment,
)
from whip_conformance.syntax.sdp import Description, SdpError, Section, read_description
from whip_conformance.verdict import Failed, NotApplicable, require

if TYPE_CHECKING:
    from whip_conformance.target import Target

POLL_INTERVAL_S = 0.25
GONE = (404, 410)


def remote_ice(description: Description) -> RemoteIce:
    """The server's credentials and candidates. Raises `Failed` where they can't be read."""
    try:
        candidates = tuple(read_candidate(text) for text in description.everywhere("candidate"))
        return RemoteIce(credentials_in(description), tuple(dict.fromkeys(candidates)))
    except (SdpError, CandidateError) as error:
        raise Failed(f"the server's ICE description is wrong: {error}") from error


@dataclass(frozen=True, slots=True)
class Restarted:
    """The server's answer to a restart."""

    reply: Reply
    fragment: Description
    ice: RemoteIce
    entity_tag: str


class Session:
    """A session by its URL. `created` is the 201, `entity_tag` the newest that was seen."""

    def __init__(
        self, target: Target, url: str, created: Reply, offer: Offer, token: str | None
    ) -> None:
        self._target = target
        self._token = token
        self.url = url
        self.created = created
        self.offer = offer
        self.entity_tag = created.header("ETag")
        self.is_deleted = False

    @property
    def answer(self) -> Description:
        """The SDP answer; `Target.session_of` saw that it can be read."""
        return read_description(self.created.body.decode())

    @property
    def ice(self) -> RemoteIce:
        """The server's side of the first ICE session. Raises `Failed`."""
        return remote_ice(self.answer)

    @property
    def audio(self) -> Section:
        """The first media section of the answer that was not rejected."""
        live = [section for section in self.answer.media if not section.is_rejected]
        if not live:
            raise Failed("every media section of the answer is rejected")
        return live[0]

    @property
    def payload_type(self) -> int:
        """The payload type that the answer prefers."""
        return int(self.audio.formats[0])

    async def request(
        self,
        method: str,
        *,
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        is_anonymous: bool = False,
    ) -> Reply:
        """A request to the session URL, with the token that made the session."""
        return await self._target.request(
            method,
            self.url,
            body=body,
            headers=headers,
            token=token or self._token,
            is_anonymous=is_anonymous,
        )

    async def delete(self, headers: Mapping[str, str] | None = None) -> Reply:
        """Ends the session."""
        self.is_deleted = True
        return await self.request("DELETE", headers=headers)

    async def patch(
        self,
        body: str | bytes,
        *,
        if_match: str | None,
        content_type: str | None = MEDIA_TYPE,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """A PATCH; None leaves a header out."""
        fields = dict(headers or {})
        if if_match is not None:
            fields["If-Match"] = if_match
        if content_type is not None:
            fields["Content-Type"] = content_type
        return await self.request("PATCH", body=body, headers=fields)

    def fragment(self, credentials: Credentials, *candidates: Candidate | str) -> Fragment:
        """A fragment for this session's first section."""
        offered = self.offer.description
        first = offered.media[0]
        formats = " ".join(first.formats)
        options = offered.for_section(first, "ice-options")
        return Fragment(
            credentials,
            candidates,
            options=options,
            bundle=" ".join(offered.bundle) or None,
            media_line=f"{first.kind} 9 {first.profile} {formats}",
            mid=first.mid,
        )

    def offered_credentials(self) -> Credentials:
        """What the offer of this session carried."""
        return credentials_in(self.offer.description)

    async def trickle(self, *candidates: Candidate | str) -> Reply:
        """A trickle PATCH with the current credentials and entity-tag."""
        fragment = self.fragment(self.offered_credentials(), *candidates)
        return await self.patch(fragment.text, if_match=self.entity_tag)

    async def restart(
        self, credentials: Credentials, *candidates: Candidate, if_match: str = "*"
    ) -> Restarted:
        """An ICE restart. Raises `Failed`, or `NotApplicable` where 405 or 422 says so."""
        fragment = self.fragment(credentials, *candidates)
        reply = await self.patch(fragment.text, if_match=if_match)
        if reply.status in (405, 422, 501):
            raise NotApplicable(f"ICE restart is not supported ({reply.status})")
        restarted = self.restarted_by(reply)
        self.entity_tag = restarted.entity_tag
        return restarted

    def restarted_by(self, reply: Reply) -> Restarted:
        """Reads the answer to a restart. Raises `Failed`."""
        reply.expect(200)
        require(reply.media_type == MEDIA_TYPE, f"the 200 has the type {reply.media_type}")
        try:
            fragment = read_fragment(reply.body.decode())
        except (SdpError, UnicodeDecodeError) as error:
            raise Failed(f"the 200's fragment cannot be read: {error}") from error
        return Restarted(reply, fragment, remote_ice(fragment), str(reply.expect_entity_tag()))

    async def is_gone(self) -> bool:
        """The session URL says that there is no such session."""
        return (await self.request("GET")).status in GONE

    async def until_gone(self, within_s: float) -> float | None:
        """Asks until the session is gone; returns the seconds that it took, None if it stays."""
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        while not await self.is_gone():
            if loop.time() - start_s > within_s:
                return None
            await asyncio.sleep(POLL_INTERVAL_S)
        self.is_deleted = True
        return loop.time() - start_s


class Call:
    """A session and the peer that talks on it."""

    def __init__(self, session: Session, peer: Peer) -> None:
        self.session = session
        self.peer = peer
        self._options = session._target.options

    @property
    def setup(self) -> str:
        """The DTLS role of the server."""
        setup = self.session.answer.for_section(self.session.audio, "setup")
        return setup or "passive"

    @property
    def is_echoed(self) -> bool:
        """The answer agreed to send our audio back."""
        return "sendrecv" in self.session.audio.directions

    async def connect(self, family: socket.AddressFamily | None = None) -> None:
        """ICE and DTLS, over one address family if it is given. Raises `Failed`."""
        answer = self.session.answer
        fingerprint = answer.for_section(self.session.audio, "fingerprint")
        if fingerprint is None:
            raise Failed("the answer has no fingerprint")
        ice = self.session.ice
        if family is not None:
            usable = tuple(c for c in ice.candidates if c.family is family)
            ice = RemoteIce(ice.credentials, usable)
        await self.reach(ice)
        try:
            await self.peer.secure(self.setup, fingerprint, self._options.connect_within_s)
        except PeerError as error:
            raise Failed(f"the call did not connect: {error}") from error

    async def new_end(self) -> tuple[Path, Candidate]:
        """Another socket of ours and its host candidate."""
        return await self.peer.host_candidate(self._options.host)

    async def reach(self, ice: RemoteIce, path: Path | None = None) -> Pair:
        """Nominates a pair. Raises `Failed`."""
        try:
            return await self.peer.reach(ice, self._options.connect_within_s, path)
        except PeerError as error:
            raise Failed(f"the call did not connect: {error}") from error

    async def expect_media(self, what: str, packets: int = 10) -> str:
        """Media gets through now, or as much of it as can be seen. Raises `Failed`.

        With an echo: the packets come back. Without: consent is given and DTLS is not closed.
        """
        if self.is_echoed:
            back = await self.peer.stream(self.session.payload_type, packets)
            require(len(back) == packets, f"{what}: {len(back)} of {packets} packets came back")
            return f"{packets} packets came back"
        self.peer.send_media(self.session.payload_type, packets)
        require(await self.peer.check(self.peer.pair, 2.0), f"{what}: consent is not given")
        require(not self.peer.is_closed_by_server, f"{what}: the server closed DTLS")
        return "consent is given and DTLS is open"
