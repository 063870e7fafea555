"""One caller's stay: what it carries, who may change it, what it tells its readers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum

from voicemedia_server.ports import Connection, Peer, PeerId, Sink
from voicemedia_server.routing.decision import Decision
from voicemedia_server.sessions.lifecycle import CloseReason, State
from voicemedia_server.sessions.offer import Agreement, Offer, SessionId
from voicemedia_server.sessions.sound import Sound, Transport, sound_of

LABEL_CHARS = 8
ID_BYTES = 24


def new_session_id(draw: Callable[[int], str] = secrets.token_urlsafe) -> SessionId:
    """Nobody guesses it. It begins with no hyphen, so that its label can be typed behind a
    command. `draw` gives text that is safe in URLs, made of so many random bytes."""
    while (drawn := draw(ID_BYTES)).startswith("-"):
        continue
    return SessionId(drawn)


class EventKind(StrEnum):
    """What a session's event stream can say."""

    STATE = "state"
    RECONNECT = "reconnect"  # open a new session elsewhere (or here again), then end this one
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """One event for the client: `detail` is a state, or why."""

    kind: EventKind
    detail: str


class EventStream:
    """The events of one session for one reader: bounded, the oldest is dropped when full."""

    def __init__(self, capacity_events: int = 16) -> None:
        self._queue: asyncio.Queue[SessionEvent | None] = asyncio.Queue(capacity_events)

    def put(self, event: SessionEvent | None) -> None:
        """Adds an event; `None` ends the stream."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(event)

    async def next(self) -> SessionEvent | None:
        """The next event, or `None` at the end."""
        return await self._queue.get()


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A WebRTC session that an edge asks for. `principal` may change and end it later.

    `requested_ns` is the monotonic time at which the request came in; `decision` is `None` for
    clients that never asked for one.
    """

    offer: Offer
    agreement: Agreement
    principal: str
    requested_ns: int
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """A session whose packets the edge that asks carries itself, in the clear.

    `sink` gets the RTP packets that are to be sent; those received go to `take_packet`.
    """

    transport: Transport
    sound: Sound
    principal: str
    requested_ns: int
    connection: Connection
    sink: Sink
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class SessionIdentity:
    """Which session: its id, its peer in the plane, and the monotonic time at which it began."""

    id: SessionId
    peer_id: PeerId
    opened_ns: int


class Session:
    """One caller's stay. Only `SessionService` changes it."""

    __slots__ = (
        "_streams",
        "close_reason",
        "closing",
        "connected_ns",
        "connection",
        "decision",
        "events_id",
        "id",
        "opened_ns",
        "peer_id",
        "principal",
        "resources",
        "sound",
        "state",
        "transport",
    )

    def __init__(
        self, identity: SessionIdentity, transport: Transport, sound: Sound, principal: str
    ) -> None:
        self.id = identity.id
        self.events_id = secrets.token_urlsafe(24)
        self.transport = transport
        self.sound = sound
        self.principal = principal
        self.peer_id = identity.peer_id
        self.opened_ns = identity.opened_ns
        self.connected_ns: int | None = None
        self.decision: Decision | None = None
        self.state = State.OFFERED
        self.close_reason: CloseReason | None = None
        self.closing: asyncio.Task[None] | None = None
        self.resources = AsyncExitStack()
        self.connection: Connection
        self._streams: set[EventStream] = set()

    def let_go(self) -> None:
        """Cuts the circle session → connection → signal → session."""
        del self.connection

    @property
    def label(self) -> str:
        """The first part of the id, for logs and lists: the whole id is a capability."""
        return self.id[:LABEL_CHARS]

    @contextmanager
    def events(self) -> Iterator[EventStream]:
        """A stream of this session's events from now on."""
        stream = EventStream()
        stream.put(SessionEvent(EventKind.STATE, self.state))
        self._streams.add(stream)
        try:
            yield stream
        finally:
            self._streams.discard(stream)

    @property
    def reader_count(self) -> int:
        """How many event streams are open."""
        return len(self._streams)

    def announce(self, event: SessionEvent | None) -> None:
        """Tells all readers; `None` ends their streams."""
        for stream in self._streams:
            stream.put(event)


class WebRtcSession(Session):
    """One that was offered and answered."""

    __slots__ = ("answer_sdp", "entity_tag", "offer", "peer", "remote_ice")

    def __init__(self, identity: SessionIdentity, request: OpenRequest) -> None:
        super().__init__(identity, Transport.WEBRTC, sound_of(request.agreement), request.principal)
        self.decision = request.decision
        self.entity_tag = secrets.token_hex(8)
        self.offer = request.offer
        self.remote_ice = request.offer.ice
        self.answer_sdp = ""
        self.peer: Peer

    @property
    def tagged_mid(self) -> str:
        """The section that carries the transport of the whole bundle (RFC 9143)."""
        return self.offer.bundle[0] if self.offer.bundle else self.offer.media[0].mid

    def let_go(self) -> None:
        """Cuts the circle."""
        super().let_go()
        del self.peer
