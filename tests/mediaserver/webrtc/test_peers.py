"""Peers on a real plane: checks, restarts, handshakes and hanging up, from the client's side."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable

import pytest
from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate

from mediaserver.packets.builders import ECHO_SSRC, Rtp, a_scene, drops, until
from mediaserver.webrtc.builders import THEIRS, agree, an_offer
from mediaserver.webrtc.clients import (
    Client,
    Names,
    Server,
    Signals,
    a_client,
    fingerprint_line,
)
from voicemedia_server.packets.python_plane import PlaneSettings
from voicemedia_server.ports import Peers, PlaneSignals
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.sessions.lifecycle import CloseReason, Signal
from voicemedia_server.sessions.offer import IceCredentials
from voicemedia_server.webrtc.peers import CERTIFICATE_AGE_NS, REMEMBERED_CHECKS

THEIR_NEW_ONES = IceCredentials("efgh", "theirNewPasswordOf24Char")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Peers on a plane with UDP and ICE-TCP on 127.0.0.1."""
    async with a_scene(PlaneSettings("127.0.0.1", 0)) as scene:
        running = Server(scene)
        yield running
        await running.close()


async def assert_no_answer(server: Server, client: Client, reason: DropReason) -> None:
    """A check of this client is counted and met with silence."""
    before = server.plane.drops()[reason]
    client.link.send(client.check())
    await until(lambda: server.plane.drops()[reason] == before + 1)
    witness = a_client(server, server.accept())
    witness.link = client.link
    assert (await witness.ask()).message_class is stun.Class.RESPONSE  # and nothing before it


# -- checks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_good_check_is_answered_with_the_address_that_it_came_from(
    server: Server, transport: str
) -> None:
    link = server.scene.udp() if transport == "udp" else await server.scene.tcp()
    client = a_client(server, server.accept(), link)

    response = await client.ask()

    assert response.message_class is stun.Class.RESPONSE
    assert response.attributes["XOR-MAPPED-ADDRESS"][0] == "127.0.0.1"
    assert response.check_message_integrity(client.names.ours.pwd.encode())


async def test_the_first_check_is_told_to_the_service_and_no_other(server: Server) -> None:
    signals = Signals()
    peer = server.accept(signals=signals)
    client = a_client(server, peer)

    for _ in range(3):
        await client.ask()

    assert signals.seen == [(Signal.CHECKED, None)]


async def test_a_peer_knows_when_it_was_checked_last(server: Server) -> None:
    peer = server.accept()
    client = a_client(server, peer)

    seen_ns = [peer.last_check_ns or 0]
    for _ in range(2):
        await client.ask()
        seen_ns.append(peer.last_check_ns or 0)

    assert seen_ns[0] == 0 < seen_ns[1] < seen_ns[2]


async def test_checks_of_two_clients_go_to_the_peer_that_each_means(server: Server) -> None:
    first, second = server.accept(), server.accept()

    await a_client(server, second).ask()

    assert first.last_check_ns is None
    assert second.last_check_ns is not None


def wrong_password(client: Client) -> bytes:
    names = Names(IceCredentials(client.names.ours.ufrag, "x" * 24))
    return Client(client.link, names, client.expected).check()


def wrong_name(client: Client) -> bytes:
    names = Names(IceCredentials("nobody00", client.names.ours.pwd))
    return Client(client.link, names, client.expected).check()


def garbage(client: Client) -> bytes:
    return b"\0\1\0\4" + bytes(16)


def indication(client: Client) -> bytes:
    return bytes(stun.Message(stun.Method.BINDING, stun.Class.INDICATION))


def unasked_response(client: Client) -> bytes:
    return bytes(stun.Message(stun.Method.BINDING, stun.Class.RESPONSE))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (wrong_password, DropReason.STUN_BAD_INTEGRITY),
        (wrong_name, DropReason.STUN_UNKNOWN_UFRAG),
        (garbage, DropReason.STUN_MALFORMED),
        (indication, DropReason.STUN_NOT_A_CHECK),
        (unasked_response, DropReason.STUN_NOT_A_CHECK),
    ],
)
async def test_a_bad_check_is_counted_binds_nothing_and_gets_no_answer(
    server: Server, make: Callable[[Client], bytes], reason: DropReason
) -> None:
    peer = server.accept()
    client = a_client(server, peer)

    client.link.send(make(client))

    await until(lambda: drops(server.scene) == {reason: 1})
    assert peer.last_check_ns is None
    assert (await client.ask()).message_class is stun.Class.RESPONSE  # and nothing before it


async def test_a_client_that_claims_our_role_is_told_so_and_binds_nothing(server: Server) -> None:
    peer = server.accept()
    client = a_client(server, peer)

    response = await client.ask(client.check(role="ICE-CONTROLLED"))

    assert response.error_code == 487
    assert peer.last_check_ns is None
    assert drops(server.scene) == {DropReason.STUN_ROLE_CONFLICT: 1}


# -- paths ----------------------------------------------------------------------------------


async def test_the_first_path_that_is_checked_is_used_at_once(server: Server) -> None:
    peer = server.accept()
    client = a_client(server, peer)

    await client.ask(client.check(nominates=False))
    server.plane.send_dtls(peer.peer_id, b"\x17 hello")

    assert await client.link.receive() == b"\x17 hello"


async def test_a_second_path_is_used_when_it_is_nominated_and_not_before(server: Server) -> None:
    peer = server.accept()
    first, second = a_client(server, peer), a_client(server, peer)
    await first.ask()

    await second.ask(second.check(nominates=False))
    server.plane.send_dtls(peer.peer_id, b"\x17 one")
    assert await first.link.receive() == b"\x17 one"

    await second.ask(second.check(nominates=True))
    server.plane.send_dtls(peer.peer_id, b"\x17 two")
    assert await second.link.receive() == b"\x17 two"


async def test_a_check_that_is_sent_again_from_the_same_place_is_answered_again(
    server: Server,
) -> None:
    client = a_client(server, server.accept())
    check = client.check()

    responses = [await client.ask(check) for _ in range(2)]

    assert [r.message_class for r in responses] == [stun.Class.RESPONSE] * 2


async def test_a_check_that_somebody_recorded_moves_nothing(server: Server) -> None:
    peer = server.accept()
    client, thief = a_client(server, peer), server.scene.udp()
    recorded = client.check()
    await client.ask(recorded)

    thief.send(recorded)
    await until(lambda: drops(server.scene) == {DropReason.STUN_REPLAYED: 1})
    server.plane.send_dtls(peer.peer_id, b"\x17 hello")

    assert await client.link.receive() == b"\x17 hello"


async def test_only_so_many_checks_are_remembered(server: Server) -> None:
    peer = server.accept()
    client = a_client(server, peer)

    for _ in range(REMEMBERED_CHECKS + 5):
        await client.ask()

    assert len(peer._checks) == REMEMBERED_CHECKS


# -- restart --------------------------------------------------------------------------------


async def test_a_restart_offers_new_names_and_the_same_options_and_candidates(
    server: Server,
) -> None:
    peer = server.accept()
    before = peer.ice

    after = peer.restart(THEIR_NEW_ONES)

    assert after.credentials.ufrag != before.credentials.ufrag
    assert after.credentials.pwd != before.credentials.pwd
    assert (after.options, after.candidates, after.is_lite) == (
        before.options,
        before.candidates,
        before.is_lite,
    )


async def test_the_old_names_are_good_until_the_new_ones_are_used(server: Server) -> None:
    peer = server.accept()
    old = a_client(server, peer)
    await old.ask()
    new_names = Names(peer.restart(THEIR_NEW_ONES).credentials, THEIR_NEW_ONES)
    assert (await old.ask()).message_class is stun.Class.RESPONSE

    old_names, old.names = old.names, new_names
    assert (await old.ask()).message_class is stun.Class.RESPONSE

    old.names = old_names
    await assert_no_answer(server, old, DropReason.STUN_UNKNOWN_UFRAG)


async def test_a_restart_that_was_never_used_gives_way_to_the_next(server: Server) -> None:
    peer = server.accept()
    client = a_client(server, peer)
    first_names = client.names
    await client.ask()
    unused = Names(peer.restart(THEIR_NEW_ONES).credentials, THEIR_NEW_ONES)
    newest = Names(peer.restart(THEIR_NEW_ONES).credentials, THEIR_NEW_ONES)

    client.names = unused
    await assert_no_answer(server, client, DropReason.STUN_UNKNOWN_UFRAG)
    for names in (first_names, newest):
        client.names = names
        assert (await client.ask()).message_class is stun.Class.RESPONSE


async def test_a_restart_before_the_first_check_leaves_both_names_good(server: Server) -> None:
    peer = server.accept()
    client = a_client(server, peer)
    peer.restart(THEIR_NEW_ONES)

    assert (await client.ask()).message_class is stun.Class.RESPONSE


async def test_the_clients_own_new_name_is_asked_for_too(server: Server) -> None:
    peer = server.accept()
    client = a_client(server, peer)
    client.names = Names(peer.restart(THEIR_NEW_ONES).credentials, THEIRS)

    await assert_no_answer(server, client, DropReason.STUN_UNKNOWN_UFRAG)


async def test_many_restarts_leave_two_sets_of_names_at_most(server: Server) -> None:
    peer = server.accept()

    for _ in range(50):
        peer.restart(THEIR_NEW_ONES)

    assert len(peer.pairs) == 2
    assert len(server.peers._by_ufrag) == 2


async def test_media_and_keys_go_on_through_a_restart_and_a_move(server: Server) -> None:
    signals = Signals()
    peer = server.accept(signals=signals)
    client = a_client(server, peer)
    await client.connect()
    await until(lambda: (Signal.SECURED, None) in signals.seen)
    client.say(Rtp(sequence=1, payload=b"before"))
    assert (await client.hear()).payload == b"before"

    client.names = Names(peer.restart(THEIR_NEW_ONES).credentials, THEIR_NEW_ONES)
    client.link.send(client.check())
    client.say(Rtp(sequence=2, payload=b"after"))

    heard = await client.hear()
    assert (heard.payload, heard.ssrc, heard.sequence) == (b"after", ECHO_SSRC, 9001)
    assert [signal for signal, _ in signals.seen] == [Signal.CHECKED, Signal.SECURED]
    await client.hang_up()


# -- DTLS -----------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_client_that_checks_and_shakes_hands_is_echoed(
    server: Server, transport: str
) -> None:
    signals = Signals()
    link = server.scene.udp() if transport == "udp" else await server.scene.tcp()
    client = a_client(server, server.accept(signals=signals), link)

    await client.connect()
    await until(lambda: len(signals.seen) == 2)
    client.say(Rtp(payload=b"hello"))

    assert signals.seen == [(Signal.CHECKED, None), (Signal.SECURED, None)]
    assert (await client.hear()).payload == b"hello"
    await client.hang_up()


async def test_a_client_with_another_certificate_than_it_offered_is_turned_away(
    server: Server,
) -> None:
    signals = Signals()
    other = fingerprint_line(RTCCertificate.generateCertificate())
    peer = server.accept(an_offer(changed={"a=fingerprint": other}), signals)
    client = a_client(server, peer)

    await client.connect()

    await until(lambda: len(signals.seen) == 2)
    assert signals.seen[1] == (Signal.ENDED, CloseReason.DTLS_FAILED)
    assert server.plane.stats(peer.peer_id).packets_received == 0
    await client.hang_up()


async def test_a_client_that_hangs_up_ends_the_session(server: Server) -> None:
    signals = Signals()
    client = a_client(server, server.accept(signals=signals))
    await client.connect()

    await client.hang_up()

    await until(lambda: len(signals.seen) == 3)
    assert signals.seen[2] == (Signal.ENDED, CloseReason.CLOSED_BY_PEER)


async def test_a_burst_of_records_fills_a_bounded_queue_and_is_counted(server: Server) -> None:
    peer = server.accept()
    client = a_client(server, peer)
    await client.ask()

    for _ in range(60):
        client.link.send(b"\x16\xfe\xfd" + bytes(30))

    await until(lambda: server.plane.drops()[DropReason.DTLS_BACKLOG] > 0)
    assert server.plane.stats(peer.peer_id).drops == {
        DropReason.DTLS_BACKLOG: server.plane.drops()[DropReason.DTLS_BACKLOG]
    }


async def test_garbage_from_one_client_does_not_harm_the_handshake_of_another(
    server: Server,
) -> None:
    signals = Signals()
    hostile, honest = (
        a_client(server, server.accept()),
        a_client(server, server.accept(signals=signals)),
    )
    await hostile.ask()
    for _ in range(60):
        hostile.link.send(b"\x16\xfe\xfd" + bytes(30))

    await honest.connect()

    await until(lambda: (Signal.SECURED, None) in signals.seen)
    await honest.hang_up()


async def test_a_new_certificate_is_for_new_sessions_and_the_old_one_for_old(
    server: Server,
) -> None:
    old_signals, new_signals = Signals(), Signals()
    old = a_client(server, server.accept(signals=old_signals))
    old_fingerprint = server.peers.certificate.fingerprint

    server.peers._certificate_made_ns -= CERTIFICATE_AGE_NS + 1
    new = a_client(server, server.accept(signals=new_signals))

    assert server.peers.certificate.fingerprint != old_fingerprint
    for client, signals in ((old, old_signals), (new, new_signals)):
        await client.connect()
        assert client.dtls_state == "connected"
        await until(lambda seen=signals.seen: (Signal.SECURED, None) in seen)  # type: ignore[misc]
        await client.hang_up()


# -- the end --------------------------------------------------------------------------------


async def test_after_the_end_no_check_is_answered(server: Server) -> None:
    peer = server.accept()
    client = a_client(server, peer)
    await client.ask()
    peer.restart(THEIR_NEW_ONES)

    await peer.close()

    await assert_no_answer(server, client, DropReason.STUN_UNKNOWN_UFRAG)
    assert peer not in [known for known, _ in server.peers._by_ufrag.values()]


async def test_a_client_is_told_that_the_session_has_ended(server: Server) -> None:
    peer = server.accept()
    client = a_client(server, peer)
    await client.connect()

    await peer.close()

    await until(lambda: client.dtls_state == "closed")


async def test_records_for_a_peer_that_has_ended_go_nowhere(server: Server) -> None:
    peer = server.accept()
    client = a_client(server, peer)
    await client.ask()
    await peer.close()

    client.link.send(b"\x16\xfe\xfd" + bytes(30))

    witness = a_client(server, server.accept())
    assert (await witness.ask()).message_class is stun.Class.RESPONSE
    assert drops(server.scene) == {}


@pytest.mark.parametrize("how_far", ["offered", "checked", "secured"])
async def test_nothing_of_a_peer_outlives_it_and_the_collector_has_no_part_in_it(
    server: Server, how_far: str
) -> None:
    signals = Signals()
    tasks = asyncio.all_tasks()
    peer = server.accept(signals=signals)
    client = a_client(server, peer)
    if how_far == "checked":
        await client.ask()
    elif how_far == "secured":
        await client.connect()
        await until(lambda: len(signals.seen) == 2)
        await client.hang_up()
    gc.collect()
    gc.disable()
    try:
        await peer.close()
        server.plane.remove_peer(peer.peer_id)
        server.opened.clear()
        watched, server_side = weakref.ref(peer), weakref.ref(peer.dtls)
        del peer
        await asyncio.sleep(0)  # the loop lets go of the task that has just ended
        assert watched() is None
        assert server_side() is None
    finally:
        gc.enable()
    assert server.peers._by_ufrag == {}
    assert server.peers._by_id == {}
    assert asyncio.all_tasks() == tasks


# -- answers --------------------------------------------------------------------------------


async def test_the_answer_names_the_peer_the_certificate_and_every_endpoint(
    server: Server,
) -> None:
    offer = server.peers.read_offer(an_offer())
    peer = server.accept(an_offer())

    answer = server.peers.write_answer(offer, agree(offer), peer.ice, None)

    assert f"a=ice-ufrag:{peer.ice.credentials.ufrag}\r\n" in answer
    assert server.peers.certificate.fingerprint.value in answer
    port = server.plane.endpoints[0].port
    assert f" udp 2130706431 127.0.0.1 {port} typ host\r\n" in answer
    assert f" 127.0.0.1 {port} typ host tcptype passive\r\n" in answer


async def test_peers_are_what_the_service_and_the_plane_ask_for(server: Server) -> None:
    for_the_service: Peers = server.peers
    for_the_plane: PlaneSignals = server.peers

    assert for_the_service
    assert for_the_plane
