"""The packet plane, seen from its clients: real sockets on loopback, sealed by pylibsrtp."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace

import pytest

from mediaserver.packets.builders import (
    ECHO_SSRC,
    OPUS,
    VOICE,
    Rtp,
    Scene,
    TcpLink,
    a_scene,
    a_subscription,
    assert_still_echoed,
    drops,
    until,
)
from voicemedia_server.packets.datagrams import Slot, has_ipv6
from voicemedia_server.packets.ice_tcp import TcpPath
from voicemedia_server.packets.peer_end import MAX_PATHS, Listener, PeerEnd
from voicemedia_server.packets.python_plane import PlaneSettings, PythonPlane
from voicemedia_server.packets.srtp import SrtpEnd
from voicemedia_server.ports import PacketPlane, PublicationSpec, SrtpProfile, Ssrc
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.relay.publication import Publication
from voicemedia_server.relay.subscription import Subscription
from voicemedia_server.rtp import rtcp

OTHER_VOICE = VOICE + 1


# -- echo --------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", SrtpProfile)
async def test_an_echo_has_the_very_payload_under_an_ssrc_of_our_own(
    scene: Scene, profile: SrtpProfile
) -> None:
    caller = await scene.bound()
    caller.secure(profile)
    scene.plane.publish(caller.peer_id, PublicationSpec((OPUS,)))
    scene.subscribe(caller, caller)
    packet = Rtp(payload=bytes(range(256)), marker=True)

    caller.say(packet)

    assert await caller.hear() == replace(packet, ssrc=ECHO_SSRC, sequence=9000)


@pytest.mark.parametrize("host", ["127.0.0.1", *(["::1"] if has_ipv6() else [])])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_plane_on_all_addresses_echoes_over_either_ip_and_either_transport(
    host: str, transport: str
) -> None:
    async with a_scene(PlaneSettings("::" if has_ipv6() else "0.0.0.0", 0)) as scene:
        caller = await scene.echoed(
            scene.udp(host) if transport == "udp" else await scene.tcp(host)
        )

        caller.say(Rtp(payload=b"hello"))

        assert (await caller.hear()).payload == b"hello"
        assert scene.plane.address_of(caller.path)[0] == host


async def test_lost_and_late_packets_are_lost_and_late_in_the_echo(scene: Scene) -> None:
    caller = await scene.echoed()
    order = [0xFFFD, 0xFFFE, 2, 0xFFFF, 3, 7]

    caller.say(*(Rtp(sequence=s, timestamp=960 * i) for i, s in enumerate(order)))
    heard = [await caller.hear() for _ in order]

    assert [h.sequence for h in heard] == [9000, 9001, 9005, 9002, 9006, 9010]
    assert [h.timestamp for h in heard] == [960 * i for i in range(len(order))]


async def test_a_burst_of_many_batches_is_echoed_whole_and_in_order(scene: Scene) -> None:
    caller = await scene.echoed()
    packets = [Rtp(sequence=i, payload=b"%d" % i) for i in range(200)]

    caller.say(*packets)

    assert [(await caller.hear()).payload for _ in packets] == [p.payload for p in packets]
    assert drops(scene) == {}


async def test_reads_that_are_held_back_to_form_batches_lose_nothing() -> None:
    async with a_scene(PlaneSettings("127.0.0.1", 0, ice_tcp=False, coalesce_s=0.002)) as scene:
        caller = await scene.echoed()

        for sequence in range(20):
            caller.say(Rtp(sequence=sequence))
            assert (await caller.hear()).sequence == 9000 + sequence


async def test_a_speaker_that_changes_its_ssrc_is_heard_on_without_a_gap(scene: Scene) -> None:
    caller = await scene.echoed()
    caller.say(Rtp(sequence=10, timestamp=1000), Rtp(sequence=11, timestamp=1960))

    caller.say(Rtp(sequence=60_000, timestamp=5, ssrc=OTHER_VOICE))
    heard = [await caller.hear() for _ in range(3)]

    assert [h.sequence for h in heard] == [9000, 9001, 9002]
    assert {h.ssrc for h in heard} == {ECHO_SSRC}
    assert heard[2].timestamp > 1960


async def test_the_second_codec_of_the_answer_is_echoed_too(scene: Scene) -> None:
    caller = await scene.echoed()

    caller.say(Rtp(payload_type=0))

    assert (await caller.hear()).payload_type == 0


async def test_a_packet_with_a_header_extension_keeps_it(scene: Scene) -> None:
    caller = await scene.echoed()
    one_byte_header = bytes.fromhex("bede0001" + "10ff0000")  # audio level 127, voice
    packet = bytearray(Rtp(payload=one_byte_header + b"opus").encode())
    packet[0] |= 0x10

    caller.link.send(caller._seal.protect(bytes(packet)))

    assert (await caller.hear()).payload == one_byte_header + b"opus"


# -- who hears whom ----------------------------------------------------------------------------


async def test_two_listeners_get_the_same_speech_each_under_keys_of_its_own(scene: Scene) -> None:
    speaker, first, second = (
        await scene.speaker(),
        await scene.listener(),
        await scene.listener(),
    )
    scene.subscribe(speaker, first, a_subscription(ssrc=Ssrc(1), first_sequence=100))
    scene.subscribe(speaker, second, a_subscription(ssrc=Ssrc(2), first_sequence=200))
    packet = Rtp(payload=b"to both")

    speaker.say(packet)

    assert await first.hear() == replace(packet, ssrc=1, sequence=100)
    assert await second.hear() == replace(packet, ssrc=2, sequence=200)


async def test_more_listeners_than_a_batch_holds_all_hear(scene: Scene) -> None:
    speaker = await scene.speaker()
    listeners = [await scene.listener() for _ in range(70)]
    for listener in listeners:
        scene.subscribe(speaker, listener)

    speaker.say(Rtp(sequence=1, payload=b"one"), Rtp(sequence=2, payload=b"two"))

    for listener in listeners:
        assert [(await listener.hear()).payload for _ in range(2)] == [b"one", b"two"]


async def test_a_listener_over_tcp_hears_a_speaker_over_udp(tcp_scene: Scene) -> None:
    speaker = await tcp_scene.speaker()
    over_tcp = await tcp_scene.listener(await tcp_scene.tcp())
    over_udp = await tcp_scene.listener()
    for listener in (over_tcp, over_udp):
        tcp_scene.subscribe(speaker, listener)

    speaker.say(Rtp(payload=b"hello"))

    assert (await over_tcp.hear()).payload == b"hello"
    assert (await over_udp.hear()).payload == b"hello"


async def test_a_speaker_over_tcp_is_heard_by_all_its_listeners(tcp_scene: Scene) -> None:
    speaker = await tcp_scene.speaker(await tcp_scene.tcp())
    listeners = [await tcp_scene.listener(), await tcp_scene.listener(await tcp_scene.tcp())]
    for listener in listeners:
        tcp_scene.subscribe(speaker, listener)

    speaker.say(Rtp(sequence=1, payload=b"one"), Rtp(sequence=2, payload=b"two"))

    for listener in listeners:
        assert [(await listener.hear()).payload for _ in range(2)] == [b"one", b"two"]


async def test_a_listener_that_leaves_takes_nothing_from_the_others(scene: Scene) -> None:
    speaker, leaving, staying = (
        await scene.speaker(),
        await scene.listener(),
        await scene.listener(),
    )
    scene.subscribe(speaker, leaving)
    scene.subscribe(speaker, staying)

    scene.plane.remove_peer(leaving.peer_id)
    speaker.say(Rtp(payload=b"go on"))

    assert (await staying.hear()).payload == b"go on"
    assert drops(scene) == {}


async def test_a_speaker_that_leaves_is_no_longer_named_to_its_listener(scene: Scene) -> None:
    speaker, listener = await scene.speaker(), await scene.listener()
    scene.subscribe(speaker, listener, a_subscription(ssrc=Ssrc(77)))

    scene.plane.remove_peer(speaker.peer_id)
    scene.plane.end_media(listener.peer_id)

    *_, bye = await listener.read_report()
    assert isinstance(bye, rtcp.Bye)
    assert 77 not in bye.sources


# -- paths -------------------------------------------------------------------------------------


async def test_media_goes_to_the_path_that_was_selected_last(scene: Scene) -> None:
    caller = await scene.echoed()
    new_link = scene.udp()
    new_path = await scene.path_of(new_link)

    scene.plane.bind(caller.peer_id, new_path)
    scene.plane.select(caller.peer_id, new_path)
    caller.say(Rtp(payload=b"from the old path"))

    caller.link = new_link
    assert (await caller.hear()).payload == b"from the old path"


async def test_a_path_that_another_peer_binds_is_that_peers_from_then_on(scene: Scene) -> None:
    first = await scene.bound()
    second = scene.plane.add_peer()

    scene.plane.bind(second, first.path)
    first.link.send(b"\x16 a DTLS record")

    await until(lambda: bool(scene.signals.dtls))
    assert scene.signals.dtls == [(second, b"\x16 a DTLS record")]


async def test_a_peer_keeps_its_selected_path_however_many_it_binds(scene: Scene) -> None:
    caller = await scene.echoed()
    for port in range(1, MAX_PATHS + 5):
        scene.plane.bind(caller.peer_id, scene.plane.path_to("127.0.0.1", port))

    await assert_still_echoed(caller)


async def test_a_tcp_path_that_makes_room_for_another_is_closed(tcp_scene: Scene) -> None:
    caller = await tcp_scene.echoed()
    link = await tcp_scene.tcp()
    tcp_scene.plane.bind(caller.peer_id, await tcp_scene.path_of(link))

    for port in range(1, MAX_PATHS + 1):
        tcp_scene.plane.bind(caller.peer_id, tcp_scene.plane.path_to("127.0.0.1", port))

    await link.ended()


async def test_a_tcp_path_of_a_peer_that_is_gone_is_told_of(tcp_scene: Scene) -> None:
    caller = await tcp_scene.bound(await tcp_scene.tcp())

    caller.link.close()

    await until(lambda: bool(tcp_scene.signals.closed))
    assert tcp_scene.signals.closed == [(caller.peer_id, caller.path)]


async def test_nothing_is_sent_to_a_peer_whose_selected_connection_broke(tcp_scene: Scene) -> None:
    caller = await tcp_scene.echoed(await tcp_scene.tcp())
    caller.link.close()
    await until(lambda: bool(tcp_scene.signals.closed))
    other_link = tcp_scene.udp()
    tcp_scene.plane.bind(caller.peer_id, await tcp_scene.path_of(other_link))

    other_link.send(caller.sealed(Rtp()))
    tcp_scene.plane.send_dtls(caller.peer_id, b"\x16 nowhere to go")

    await until(lambda: drops(tcp_scene) == {DropReason.LISTENER_NOT_READY: 1})


async def test_a_bound_connection_outlives_the_deadline_for_strangers() -> None:
    async with a_scene(PlaneSettings("127.0.0.1", 0, tcp_bind_timeout_s=0.05)) as scene:
        caller = await scene.echoed(await scene.tcp())
        stranger = await scene.tcp()

        await stranger.ended()

        await assert_still_echoed(caller)


async def test_stun_goes_back_to_where_it_came_from(tcp_scene: Scene) -> None:
    for link in (tcp_scene.udp(), await tcp_scene.tcp()):
        tcp_scene.plane.send_to(await tcp_scene.path_of(link), b"\1\1 an answer")

        assert await link.receive() == b"\1\1 an answer"


async def test_dtls_goes_to_the_selected_path_and_nowhere_before(scene: Scene) -> None:
    link = scene.udp()
    path = await scene.path_of(link)
    peer_id = scene.plane.add_peer()
    scene.plane.bind(peer_id, path)

    scene.plane.send_dtls(peer_id, b"\x16 too early")
    scene.plane.select(peer_id, path)
    scene.plane.send_dtls(peer_id, b"\x16 in time")

    assert await link.receive() == b"\x16 in time"


@pytest.mark.parametrize("first", [20, 22, 63])
async def test_dtls_of_a_bound_path_goes_up_with_its_peer(scene: Scene, first: int) -> None:
    caller = await scene.bound()
    record = bytes([first]) + b" a DTLS record"

    caller.link.send(record)

    await until(lambda: bool(scene.signals.dtls))
    assert scene.signals.dtls == [(caller.peer_id, record)]


# -- life --------------------------------------------------------------------------------------


async def test_the_endpoints_are_one_number_for_both_transports(tcp_scene: Scene) -> None:
    udp, tcp = tcp_scene.plane.endpoints

    assert (udp.is_tcp, tcp.is_tcp) == (False, True)
    assert udp.port == tcp.port != 0


async def test_closing_says_bye_to_everybody_and_frees_the_port() -> None:
    async with a_scene() as scene:
        callers = [await scene.echoed(), await scene.echoed()]
        settings = PlaneSettings("127.0.0.1", scene.plane.endpoints[0].port, ice_tcp=False)

        await scene.plane.close()

        for caller in callers:
            *_, bye = await caller.read_report()
            assert isinstance(bye, rtcp.Bye)
        again = PythonPlane(settings)
        again.connect(scene.signals)
        await again.open()
        await again.close()


async def test_a_plane_that_was_never_opened_can_be_closed() -> None:
    plane = PythonPlane(PlaneSettings("127.0.0.1", 0))
    plane.add_peer()

    await plane.close()


async def test_a_tcp_port_that_is_taken_leaves_no_socket_behind(tcp_scene: Scene) -> None:
    tcp_only = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    port = tcp_only.sockets[0].getsockname()[1]
    plane = PythonPlane(PlaneSettings("127.0.0.1", port))
    plane.connect(tcp_scene.signals)

    with pytest.raises(OSError, match="in use"):
        await plane.open()

    udp_only = PythonPlane(PlaneSettings("127.0.0.1", port, ice_tcp=False))
    udp_only.connect(tcp_scene.signals)
    await udp_only.open()
    await udp_only.close()
    tcp_only.close()


async def test_removing_a_peer_closes_its_connections(tcp_scene: Scene) -> None:
    link = await tcp_scene.tcp()
    caller = await tcp_scene.echoed(link)

    tcp_scene.plane.remove_peer(caller.peer_id)

    await link.ended()
    assert tcp_scene.signals.closed == []


def living(*kinds: type) -> dict[str, int]:
    """How many objects of these kinds exist."""
    return {
        kind.__name__: sum(1 for found in gc.get_objects() if type(found) is kind) for kind in kinds
    }


OF_A_PEER = (PeerEnd, Listener, Publication, Subscription, SrtpEnd, TcpPath)


async def test_nothing_of_a_peer_outlives_it_and_the_collector_has_no_part_in_it(
    tcp_scene: Scene,
) -> None:
    gc.collect()
    before = living(*OF_A_PEER)
    gc.disable()
    try:
        await call_and_hang_up(tcp_scene, None)
        await call_and_hang_up(tcp_scene, await tcp_scene.tcp())
        await until(lambda: living(TcpPath) == {"TcpPath": before["TcpPath"]})
        after = living(*OF_A_PEER)
    finally:
        gc.enable()

    assert after == before
    assert tcp_scene.plane._peers == {}
    assert tcp_scene.plane._by_path == {}


async def call_and_hang_up(scene: Scene, link: TcpLink | None) -> None:
    """A call with everything that a peer can have."""
    caller, listener = await scene.echoed(link), await scene.listener()
    scene.subscribe(caller, listener)
    scene.plane.add_tap(caller.peer_id, lambda packet: None)
    caller.say(Rtp())
    await caller.hear()
    await listener.hear()
    scene.plane.remove_peer(caller.peer_id)
    scene.plane.remove_peer(listener.peer_id)
    if link is not None:
        await link.ended()
    scene.signals.stun.clear()


async def test_buffers_are_made_once(scene: Scene) -> None:
    caller = await scene.echoed()
    before = living(Slot)

    caller.say(*(Rtp(sequence=s) for s in range(200)))
    for _ in range(200):
        await caller.hear()

    assert living(Slot) == before


def test_the_plane_is_what_the_service_asks_for() -> None:
    plane: PacketPlane = PythonPlane(PlaneSettings("127.0.0.1", 0))

    assert plane.endpoints == ()
