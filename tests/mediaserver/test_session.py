"""A session's ids, its readers, and sessions whose edge carries their packets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mediaserver.twins import MemoryPeers, MemoryPlane, an_agreement, an_offer
from voicemedia_server.ports import PeerId
from voicemedia_server.service import Capacity, SessionService, Surroundings
from voicemedia_server.session import (
    EventKind,
    EventStream,
    OpenRequest,
    Session,
    SessionEvent,
    SessionIdentity,
    StreamRequest,
    WebRtcSession,
    new_session_id,
)
from voicemedia_server.sessions.deadlines import Limits
from voicemedia_server.sessions.lifecycle import CloseReason, State
from voicemedia_server.sessions.offer import Codec, SessionId
from voicemedia_server.sessions.refusals import AtCapacity
from voicemedia_server.sessions.sound import Sound, Transport

PCMU = Codec(0, "pcmu", 8000)
IDENTITY = SessionIdentity(SessionId("an-id-that-nobody-guesses"), PeerId(1), 0)


class Socket:
    """The connection of a stream, as its edge would give it."""

    def __init__(self) -> None:
        self.last_check_ns: int | None = 0
        self.is_closed = False
        self.sent: list[bytes] = []

    async def close(self) -> None:
        self.is_closed = True


def new_service(
    plane: MemoryPlane, max_sessions: int = 10, when_empty: Callable[[], None] = lambda: None
) -> SessionService:
    return SessionService(
        MemoryPeers(),
        plane,
        Limits(15, 8, 30, 60, 3600),
        Capacity(max_sessions, 10),
        Surroundings(when_empty=when_empty),
    )


def a_request(socket: Socket) -> StreamRequest:
    sound = Sound((PCMU,), is_echoed=True)
    return StreamRequest(Transport.WEBSOCKET, sound, "anyone", 0, socket, socket.sent.append)


def a_session() -> Session:
    return Session(IDENTITY, Transport.WEBSOCKET, Sound((PCMU,), is_echoed=True), "anyone")


def test_no_id_begins_like_an_option_of_a_command() -> None:
    drawn = iter(["-first", "-second", "third"])

    assert new_session_id(lambda _: next(drawn)) == "third"


def test_a_label_is_the_beginning_of_an_id_that_nobody_guesses() -> None:
    session = a_session()

    assert session.id.startswith(session.label)
    assert len(session.label) < 10 < len(session.id)


async def test_a_reader_is_told_the_state_at_once_and_then_what_happens() -> None:
    session = a_session()
    with session.events() as stream:
        session.announce(SessionEvent(EventKind.RECONNECT, "draining"))
        session.announce(None)

        assert await stream.next() == SessionEvent(EventKind.STATE, State.OFFERED)
        assert await stream.next() == SessionEvent(EventKind.RECONNECT, "draining")
        assert await stream.next() is None
    assert session.reader_count == 0


async def test_a_reader_that_does_not_read_loses_the_oldest() -> None:
    stream = EventStream(capacity_events=2)

    for detail in "abc":
        stream.put(SessionEvent(EventKind.STATE, detail))

    assert [await stream.next(), await stream.next()] == [
        SessionEvent(EventKind.STATE, "b"),
        SessionEvent(EventKind.STATE, "c"),
    ]


def test_a_session_has_the_id_that_it_is_given_and_shows_its_first_part() -> None:
    session = a_session()

    assert (session.id, session.label) == ("an-id-that-nobody-guesses", "an-id-th")


def test_the_tagged_section_is_the_first_of_the_bundle() -> None:
    offer = an_offer()

    session = WebRtcSession(IDENTITY, OpenRequest(offer, an_agreement(offer), "anyone", 0))

    assert session.tagged_mid == offer.bundle[0]
    assert session.transport is Transport.WEBRTC


async def test_a_stream_is_connected_from_the_start_and_echoed() -> None:
    plane, socket = MemoryPlane(), Socket()

    session = await new_service(plane).open_stream(a_request(socket))

    assert session.state is State.CONNECTED
    plane.take_packet(session.peer_id, b"packet")
    assert socket.sent == [b"packet"]


async def test_the_end_of_a_stream_closes_its_connection_and_frees_its_peer() -> None:
    plane, socket = MemoryPlane(), Socket()
    service = new_service(plane)
    session = await service.open_stream(a_request(socket))

    await service.close_session(session, CloseReason.CLOSED_BY_PEER)

    assert socket.is_closed
    assert plane.peers == {}
    assert service.sessions == ()


async def test_streams_take_places_as_other_sessions_do() -> None:
    service = new_service(MemoryPlane(), max_sessions=1)
    await service.open_stream(a_request(Socket()))

    with pytest.raises(AtCapacity):
        await service.open_stream(a_request(Socket()))


async def test_it_is_told_when_the_last_session_is_freed() -> None:
    emptied: list[int] = []
    service = new_service(MemoryPlane(), when_empty=lambda: emptied.append(len(service.sessions)))
    sessions = [await service.open_stream(a_request(Socket())) for _ in range(2)]

    for session in sessions:
        await service.close_session(session, CloseReason.CLOSED_BY_PEER)

    assert emptied == [0]
