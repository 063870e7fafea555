"""Sessions whose echo is decoded: a place is taken with the session, and given back with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mediaserver.twins import MemoryPeers, MemoryPlane, an_agreement, an_offer
from voicemedia_server.service import Capacity, SessionService, Surroundings
from voicemedia_server.session import OpenRequest, Session
from voicemedia_server.sessions.deadlines import Limits
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.sessions.offer import EchoForm
from voicemedia_server.sessions.refusals import AtCapacity, OfferUnacceptable
from voicemedia_server.transcode.transcoders import TranscodeLimits, Transcoders


class PeersThatBreak(MemoryPeers):
    """The answer cannot be written: a fault of ours."""

    def write_answer(self, *_: object) -> str:
        raise RuntimeError("broken")


class World:
    """A service with the real transcoding room on a plane that only remembers."""

    def __init__(self, peers: MemoryPeers | None = None) -> None:
        self.plane = MemoryPlane()
        self.room = Transcoders(self.plane, TranscodeLimits(max_sessions=1))
        self.service = new_service(self.plane, self.room, peers or MemoryPeers())

    async def open(self, form: EchoForm = EchoForm.DECODED) -> Session:
        return await open_session(self.service, form)


def new_service(plane: MemoryPlane, room: Transcoders | None, peers: MemoryPeers) -> SessionService:
    limits = Limits(15, 8, 30, 60, 3600)
    return SessionService(peers, plane, limits, Capacity(10, 10), Surroundings(transcoding=room))


async def open_session(service: SessionService, form: EchoForm) -> Session:
    offer = an_offer()
    agreement = replace(an_agreement(offer), echo_form=form)
    return await service.open_session(OpenRequest(offer, agreement, "anyone", 0))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.room.close()


async def test_only_sessions_that_ask_are_transcoded(world: World) -> None:
    await world.open(EchoForm.DIRECT)
    assert world.room.reading().sessions == 0

    await world.open(EchoForm.DECODED)
    assert world.room.reading().sessions == 1


async def test_without_a_place_a_session_that_asks_is_refused_before_its_body_is_read(
    world: World,
) -> None:
    await world.open()

    with pytest.raises(AtCapacity):
        world.service.check_admission(EchoForm.DECODED)
    with pytest.raises(AtCapacity):
        await world.open()
    world.service.check_admission()
    await world.open(EchoForm.DIRECT)


async def test_the_place_is_given_back_when_the_session_ends(world: World) -> None:
    session = await world.open()

    await world.service.close_session(session, CloseReason.DELETED)

    assert world.room.reading().sessions == 0
    await world.open()


async def test_the_place_is_given_back_when_the_session_cannot_be_opened() -> None:
    world = World(PeersThatBreak())

    with pytest.raises(RuntimeError):
        await world.open()

    assert world.room.reading().sessions == 0
    await world.room.close()


async def test_where_it_is_switched_off_it_is_refused_with_what_to_do() -> None:
    service = new_service(MemoryPlane(), None, MemoryPeers())

    with pytest.raises(OfferUnacceptable, match="switched off"):
        service.check_admission(EchoForm.DECODED)
