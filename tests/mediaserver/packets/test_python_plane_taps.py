"""Taps and inlets: how Python hears and speaks in a call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mediaserver.packets.builders import (
    ECHO_SSRC,
    VIDEO_PT,
    Rtp,
    Scene,
    drops,
    until,
)
from voicemedia_server.packets.datagrams import LARGEST_DATAGRAM_BYTES
from voicemedia_server.relay.drops import DropReason


async def test_a_tap_gets_each_packet_in_the_clear_and_the_echo_goes_on(scene: Scene) -> None:
    caller = await scene.echoed()
    tapped: list[bytes] = []
    scene.plane.add_tap(caller.peer_id, tapped.append)
    packets = [Rtp(sequence=s, payload=b"%d" % s) for s in (1, 2)]

    caller.say(*packets)

    assert [(await caller.hear()).payload for _ in packets] == [b"1", b"2"]
    assert tapped == [packet.encode() for packet in packets]


async def test_a_tap_gets_nothing_that_was_dropped(scene: Scene) -> None:
    caller = await scene.echoed()
    tapped: list[bytes] = []
    scene.plane.add_tap(caller.peer_id, tapped.append)

    caller.say(Rtp(sequence=1, payload_type=VIDEO_PT), Rtp(sequence=2, payload_type=100))
    caller.link.send(Rtp(sequence=3).encode() + bytes(10))
    caller.say(Rtp(sequence=4, payload=b"good"))
    await caller.hear()

    assert [Rtp.decode(t).payload for t in tapped] == [b"good"]


@pytest.mark.parametrize("taps", [0, 1])
async def test_what_is_held_is_not_relayed_until_it_is_released(scene: Scene, taps: int) -> None:
    caller = await scene.echoed()
    tapped: list[bytes] = []
    for _ in range(taps):
        scene.plane.add_tap(caller.peer_id, tapped.append)

    scene.plane.hold_relay(caller.peer_id, is_held=True)
    caller.say(Rtp(sequence=1, payload=b"held"))
    await until(lambda: scene.plane.stats(caller.peer_id).packets_received == 1)
    scene.plane.hold_relay(caller.peer_id, is_held=False)
    caller.say(Rtp(sequence=2, payload=b"released"))

    assert (await caller.hear()).payload == b"released"
    assert len(tapped) == 2 * taps


async def test_an_inlet_is_heard_as_if_the_speaker_had_spoken(scene: Scene) -> None:
    speaker, first, second = (
        await scene.speaker(),
        await scene.listener(),
        await scene.listener(),
    )
    for listener in (first, second):
        scene.subscribe(speaker, listener)

    scene.plane.send_inlet(speaker.peer_id, Rtp(payload=b"from Python").encode())

    for listener in (first, second):
        heard = await listener.hear()
        assert (heard.payload, heard.sequence, heard.ssrc) == (b"from Python", 9000, ECHO_SSRC)


async def test_an_inlet_goes_on_while_the_relay_is_held(scene: Scene) -> None:
    caller = await scene.echoed()
    scene.plane.hold_relay(caller.peer_id, is_held=True)

    scene.plane.send_inlet(caller.peer_id, Rtp(payload=b"from Python").encode())

    assert (await caller.hear()).payload == b"from Python"


async def test_a_tap_may_answer_into_the_inlet_at_once(scene: Scene) -> None:
    caller = await scene.echoed()
    scene.plane.hold_relay(caller.peer_id, is_held=True)

    def answer(packet: bytes) -> None:
        changed = replace(Rtp.decode(packet), payload=b"changed")
        scene.plane.send_inlet(caller.peer_id, changed.encode())

    scene.plane.add_tap(caller.peer_id, answer)
    caller.say(Rtp(sequence=1), Rtp(sequence=2))

    assert [(await caller.hear()).payload for _ in range(2)] == [b"changed"] * 2


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (11, DropReason.RTP_MALFORMED),
        (LARGEST_DATAGRAM_BYTES + 1, DropReason.TOO_LARGE),
    ],
)
async def test_an_inlet_takes_nothing_that_is_no_packet(
    scene: Scene, size: int, reason: DropReason
) -> None:
    caller = await scene.echoed()

    scene.plane.send_inlet(caller.peer_id, bytes([0x80]) * size)

    assert drops(scene) == {reason: 1}


async def test_an_inlet_for_a_speaker_that_has_left_goes_nowhere(scene: Scene) -> None:
    peer_id = scene.plane.add_peer()
    scene.plane.remove_peer(peer_id)

    scene.plane.send_inlet(peer_id, Rtp().encode())

    assert drops(scene) == {}


async def test_a_tap_may_remove_the_listener_in_the_middle_of_a_batch(scene: Scene) -> None:
    speaker, leaving, staying = (
        await scene.speaker(),
        await scene.listener(),
        await scene.listener(),
    )
    scene.subscribe(speaker, leaving)
    scene.subscribe(speaker, staying)
    packets = [Rtp(sequence=s, payload=b"%d" % s) for s in range(10)]

    def remove(packet: bytes) -> None:
        if Rtp.decode(packet).sequence == 5:
            scene.plane.remove_peer(leaving.peer_id)

    scene.plane.add_tap(speaker.peer_id, remove)
    speaker.say(*packets)

    assert [(await staying.hear()).payload for _ in packets] == [p.payload for p in packets]
    assert [(await leaving.hear()).payload for _ in range(5)] == [p.payload for p in packets[:5]]
