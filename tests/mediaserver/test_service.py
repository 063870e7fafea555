"""Opening, watching, draining and closing sessions."""

from __future__ import annotations

import asyncio
import gc
import weakref
from dataclasses import replace

import pytest

from mediaserver.twins import (
    CREDENTIALS,
    MemoryPeers,
    MemoryPlane,
    an_agreement,
    an_offer,
    audio_section,
)
from voicemedia_rollout.document import Variant
from voicemedia_server.audit import Happening, SessionFacts
from voicemedia_server.ports import EchoIdentity, Ending, IceDescription, MediaStats
from voicemedia_server.registry.membership import Membership
from voicemedia_server.registry.memory import MemoryRegistry
from voicemedia_server.registry_port import Alone, Claims, SessionRecord
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.routing.outcome import Outcome
from voicemedia_server.service import Capacity, DrainPolicy, SessionService, Surroundings
from voicemedia_server.session import EventKind, OpenRequest, WebRtcSession
from voicemedia_server.sessions.deadlines import NS_PER_S, Limits
from voicemedia_server.sessions.lifecycle import CloseReason, Signal, State
from voicemedia_server.sessions.offer import Agreement, Direction, IceCredentials, Offer
from voicemedia_server.sessions.refusals import AtCapacity, Draining, Overloaded, SessionUnknown
from voicemedia_server.sessions.sound import Transport


class World:
    """A service with its twins, a clock that the test turns, and what observers were told."""

    def __init__(
        self,
        max_sessions: int = 10,
        max_pending: int = 10,
        peers: MemoryPeers | None = None,
        fleet_max_sessions: int = 0,
        claims: Claims | None = None,
    ) -> None:
        self.plane = MemoryPlane()
        self.peers = peers or MemoryPeers()
        self.now_s = 0.0
        self.told: list[str] = []
        self.registry = MemoryRegistry(Membership("test", "one", fleet_max_sessions))
        self.service = SessionService(
            self.peers,
            self.plane,
            Limits(15, 8, 30, 60, 3600),
            Capacity(max_sessions, max_pending),
            Surroundings([self], claims=claims or self.registry),
        )
        self.service.now_ns = lambda: int(self.now_s * NS_PER_S)

    def session_opened(self, transport: Transport, setup_s: float) -> None:
        self.told.append("opened")

    def session_connected(
        self, transport: Transport, since_opened_s: float, decision: Decision | None
    ) -> None:
        self.told.append(f"connected after {since_opened_s:g}")

    def session_ended(self, ending: Ending, stats: MediaStats) -> None:
        self.told.append(f"{ending.reason} when {ending.last_state}")

    def session_broke(self, decision: Decision | None) -> None:
        self.told.append("broke")

    async def open(
        self, direction: Direction = Direction.SENDRECV, decision: Decision | None = None
    ) -> WebRtcSession:
        offer = an_offer(audio_section(direction))
        request = OpenRequest(offer, an_agreement(offer), "anyone", 0, decision)
        return await self.service.open_session(request)

    async def open_connected(self, decision: Decision | None = None) -> WebRtcSession:
        session = await self.open(decision=decision)
        self.peers.connect(self.peers.made[-1], int(self.now_s * NS_PER_S))
        return session


@pytest.fixture
def world() -> World:
    return World()


async def settle(world: World) -> None:
    """Until everything that is closing is freed."""
    await asyncio.wait_for(world.service.wait_until_empty(), 1)


async def test_an_echo_is_a_subscription_of_ones_own_publication(world: World) -> None:
    session = await world.open()

    ((speaker, listener, spec),) = world.plane.subscriptions
    assert speaker == listener == session.peer_id
    assert spec.payload_types == {}
    assert world.plane.peers[speaker] is not None


async def test_a_publisher_that_only_sends_hears_nothing(world: World) -> None:
    await world.open(Direction.SENDONLY)

    assert world.plane.subscriptions == []


async def test_ids_are_unguessable_and_all_different(world: World) -> None:
    sessions = [await world.open() for _ in range(10)]

    names = [name for s in sessions for name in (s.id, s.events_id, s.entity_tag)]
    assert len(set(names)) == 30
    assert all(len(s.id) >= 21 for s in sessions)


async def test_a_set_up_is_observed_step_by_step(world: World) -> None:
    session = await world.open()
    world.now_s = 0.5
    world.peers.connect(world.peers.made[-1])

    assert session.state is State.CONNECTED
    assert world.told == ["opened", "connected after 0.5"]


async def test_closing_frees_everything_in_reverse_order(world: World) -> None:
    session = await world.open_connected()
    peer = world.peers.made[-1]

    await world.service.close_session(session, CloseReason.DELETED)

    assert peer.is_closed
    assert world.plane.ended == [session.peer_id]
    assert world.plane.peers == {}
    assert world.service.sessions == ()
    assert world.told[-1] == "deleted when connected"
    with pytest.raises(SessionUnknown):
        world.service.session(session.id)


async def test_closing_twice_at_once_ends_it_once(world: World) -> None:
    session = await world.open_connected()

    await asyncio.gather(
        *(world.service.close_session(session, CloseReason.DELETED) for _ in range(5))
    )

    assert sum("deleted" in told for told in world.told) == 1


async def test_a_closed_session_leaves_no_circle_for_the_collector(world: World) -> None:
    session = await world.open_connected()
    world.peers.made.clear()
    forgotten = weakref.ref(session.peer)
    gc.collect()
    gc.disable()
    try:
        await world.service.close_session(session, CloseReason.DELETED)
        del session

        assert forgotten() is None
    finally:
        gc.enable()


class SpeechlessPeers(MemoryPeers):
    """Peers that cannot write an answer."""

    def write_answer(
        self, offer: Offer, agreement: Agreement, ice: IceDescription, echo: EchoIdentity | None
    ) -> str:
        raise AssertionError("the answer cannot be written")


async def test_a_failing_set_up_is_observed_and_leaves_nothing_behind() -> None:
    world = World(peers=SpeechlessPeers())

    with pytest.raises(AssertionError):
        await world.open()

    assert world.told == ["broke"]
    assert world.plane.peers == {}
    assert world.service.sessions == ()


# -- limits -------------------------------------------------------------------------------------


async def test_a_full_server_says_when_to_come_back() -> None:
    world = World(max_sessions=2)
    await world.open()
    await world.open()

    with pytest.raises(AtCapacity) as refused:
        await world.open()

    assert refused.value.retry_after_s is not None
    assert refused.value.retry_after_s >= 1


async def test_a_place_that_was_freed_is_given_again() -> None:
    world = World(max_sessions=1)
    first = await world.open()
    await world.service.close_session(first, CloseReason.DELETED)

    assert (await world.open()).state is State.OFFERED


async def test_a_flood_of_half_open_offers_stops_at_the_limit_of_pending_ones() -> None:
    world = World(max_sessions=100, max_pending=3)
    for _ in range(3):
        await world.open()

    with pytest.raises(Overloaded):
        await world.open()

    world.peers.connect(world.peers.made[0])
    assert (await world.open()).state is State.OFFERED


async def test_half_open_offers_are_freed_in_time(world: World) -> None:
    await world.open()
    world.now_s = 15

    world.service.sweep()
    await settle(world)

    assert world.told == ["opened", "setup-timeout when offered"]
    assert world.service.pending_count == 0


async def test_a_client_that_vanished_is_freed_when_consent_expires(world: World) -> None:
    session = await world.open_connected()
    world.now_s = 10
    world.service.sweep()
    silent = session.state
    world.now_s = 30
    world.service.sweep()
    await settle(world)

    assert silent is State.RECONNECTING
    assert world.told[-1] == "consent-expired when reconnecting"


async def test_a_signal_that_comes_too_late_changes_nothing(world: World) -> None:
    session = await world.open_connected()

    world.peers.made[-1].signal(Signal.SECURED, None)

    assert session.state is State.CONNECTED


# -- the fleet ----------------------------------------------------------------------------------


async def test_a_session_is_listed_while_it_lives(world: World) -> None:
    session = await world.open_connected()
    (record,) = await world.registry.sessions()

    await world.service.close_session(session, CloseReason.DELETED)

    assert (record.label, record.transport) == (session.label, Transport.WEBRTC)
    assert await world.registry.sessions() == ()


async def test_a_full_fleet_says_when_to_come_back() -> None:
    world = World(fleet_max_sessions=1)
    await world.open()

    with pytest.raises(AtCapacity) as refused:
        await world.open()

    assert refused.value.retry_after_s
    assert len(world.service.sessions) == 1
    assert world.service.pending_count == 1


async def test_the_audit_is_told_how_each_session_began_and_ended(world: World) -> None:
    decision = Decision(Variant.WEBRTC, DecisionReason.FLAG, 7)
    lived, left = await world.open_connected(decision), await world.open()
    await world.service.close_session(lived, CloseReason.CONSENT_EXPIRED)
    await world.service.close_session(left, CloseReason.DELETED)

    found = [noted.entry for noted in await world.registry.audit()]

    lived_facts = SessionFacts(lived.label, Transport.WEBRTC, Variant.WEBRTC)
    left_facts = SessionFacts(left.label, Transport.WEBRTC)
    lost = replace(lived_facts, reason=CloseReason.CONSENT_EXPIRED, outcome=Outcome.LOST)
    given_up = replace(left_facts, reason=CloseReason.DELETED, outcome=Outcome.ABANDONED)
    assert [(entry.happening, entry.session) for entry in found] == [
        (Happening.OPENED, lived_facts),
        (Happening.OPENED, left_facts),
        (Happening.ENDED, lost),
        (Happening.ENDED, given_up),
    ]


async def test_a_set_up_that_fails_gives_its_place_back() -> None:
    world = World(peers=SpeechlessPeers(), fleet_max_sessions=1)

    with pytest.raises(AssertionError):
        await world.open()

    assert await world.registry.sessions() == ()


class SlowClaims(Alone):
    """Claims that are under way until the test says so."""

    def __init__(self) -> None:
        self.may_go = asyncio.Event()
        self.ended: list[str] = []

    async def claim(self, record: SessionRecord) -> None:
        await self.may_go.wait()

    async def end(self, label: str) -> None:
        self.ended.append(label)


async def test_a_place_that_is_being_claimed_counts_as_taken() -> None:
    claims = SlowClaims()
    world = World(max_sessions=1, claims=claims)
    opening = asyncio.ensure_future(world.open())
    await asyncio.sleep(0)

    with pytest.raises(AtCapacity):
        await world.open()

    claims.may_go.set()
    assert (await opening).state is State.OFFERED


async def test_a_drain_that_begins_during_a_claim_refuses_it_and_gives_the_place_back() -> None:
    claims = SlowClaims()
    world = World(claims=claims)
    opening = asyncio.ensure_future(world.open())
    await asyncio.sleep(0)
    world.service.drain()

    claims.may_go.set()

    with pytest.raises(Draining):
        await opening
    assert len(claims.ended) == 1


async def test_who_gives_up_during_a_claim_leaves_no_place_taken() -> None:
    claims = SlowClaims()
    world = World(claims=claims)
    opening = asyncio.ensure_future(world.open())
    await asyncio.sleep(0)

    opening.cancel()
    await asyncio.wait([opening])

    assert len(claims.ended) == 1
    assert world.service.pending_count == 0


async def test_a_session_is_ended_when_another_instance_asks(world: World) -> None:
    session, other = await world.open_connected(), await world.open_connected()

    world.service.end_labelled(session.label)
    world.service.end_labelled("unknown")
    assert session.closing is not None
    await session.closing

    assert world.service.sessions == (other,)
    assert world.told[-1] == "stopped when connected"


# -- ICE restart --------------------------------------------------------------------------------


async def test_a_restart_gives_new_credentials_and_a_new_tag_and_keeps_the_session(
    world: World,
) -> None:
    session = await world.open_connected()
    tag, remote = session.entity_tag, IceCredentials("wxyz", "c" * 22)

    description = world.service.restart_ice(session, remote)

    assert session.entity_tag != tag
    assert session.remote_ice == remote != CREDENTIALS
    assert description.credentials.ufrag == "our1"
    assert world.service.session(session.id) is session


# -- draining -----------------------------------------------------------------------------------


async def test_a_draining_server_takes_no_one_new_and_lets_calls_go_on(world: World) -> None:
    session = await world.open_connected()
    world.service.drain()

    with pytest.raises(Draining):
        await world.open()

    assert session.state is State.CONNECTED
    world.service.undrain()
    assert (await world.open()).state is State.OFFERED


async def test_a_drain_ends_when_the_last_call_does(world: World) -> None:
    session = await world.open_connected()
    drained = asyncio.ensure_future(world.service.drain_out(DrainPolicy(1000, 1000)))
    await asyncio.sleep(0)

    await world.service.close_session(session, CloseReason.DELETED)
    await asyncio.wait_for(drained, 1)

    assert world.told[-1] == "deleted when connected"


async def test_past_the_limit_readers_are_asked_to_move_before_the_end(world: World) -> None:
    session = await world.open_connected()
    with session.events() as events:
        await world.service.drain_out(DrainPolicy(limit_s=0.01, notice_s=0.01))
        heard = []
        while (event := await events.next()) is not None:
            heard.append(event.kind)

    assert heard == [EventKind.STATE, EventKind.RECONNECT, EventKind.CLOSED]
    assert world.told[-1] == "drained when connected"


async def test_a_reader_that_sleeps_loses_the_oldest_events_and_blocks_nobody(
    world: World,
) -> None:
    session = await world.open_connected()
    with session.events() as events:
        for _ in range(100):
            world.service.restart_ice(session, CREDENTIALS)
            world.peers.made[-1].signal(Signal.HEARD, None)
        await world.service.close_session(session, CloseReason.DELETED)
        heard = []
        while (event := await events.next()) is not None:
            heard.append(event.kind)

    assert len(heard) < 20
    assert heard[-1] is EventKind.CLOSED
