"""RTCP of the packet plane: lost packets sent again, figures, reports and byes."""

from __future__ import annotations

import asyncio
import time

import pytest

from mediaserver.packets.builders import (
    ECHO_SSRC,
    VOICE,
    Rtp,
    Scene,
    a_subscription,
    assert_still_echoed,
    drops,
    until,
    waiting,
)
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.relay.subscription import HISTORY_PACKETS
from voicemedia_server.rtp import rtcp
from voicemedia_server.rtp.history import MAX_RESENDS

OTHER_VOICE = VOICE + 1


# -- NACK --------------------------------------------------------------------------------------


async def test_a_lost_packet_is_sent_again_as_the_very_same_bytes(scene: Scene) -> None:
    caller = await scene.echoed()
    caller.say(*(Rtp(sequence=s) for s in (1, 2, 3)))
    first_time = [await caller.hear_sealed() for _ in range(3)]

    caller.report(rtcp.GenericNack(VOICE, ECHO_SSRC, (9001, 9002)))

    assert [await caller.hear_sealed() for _ in range(2)] == first_time[1:]
    stats = scene.plane.stats(caller.peer_id)
    assert (stats.packets_resent, stats.nacks_received) == (2, 1)


async def test_a_packet_is_sent_again_only_so_often(scene: Scene) -> None:
    caller = await scene.echoed()
    caller.say(Rtp())
    sealed = await caller.hear_sealed()
    nack = rtcp.GenericNack(VOICE, ECHO_SSRC, (9000,))

    for _ in range(MAX_RESENDS):
        caller.report(nack)
        assert await caller.hear_sealed() == sealed
    caller.report(nack)

    await until(lambda: drops(scene) == {DropReason.NACK_REFUSED: 1})
    assert scene.plane.stats(caller.peer_id).packets_resent == MAX_RESENDS


async def test_only_the_last_packets_can_be_had_again(scene: Scene) -> None:
    caller = await scene.echoed()
    caller.say(*(Rtp(sequence=s) for s in range(HISTORY_PACKETS + 1)))
    sealed = [await caller.hear_sealed() for _ in range(HISTORY_PACKETS + 1)]

    caller.report(rtcp.GenericNack(VOICE, ECHO_SSRC, (9000, 9001)))

    assert await caller.hear_sealed() == sealed[1]
    assert drops(scene) == {DropReason.NACK_MISSED: 1}


async def test_a_listener_that_did_not_agree_on_nack_gets_nothing_again(scene: Scene) -> None:
    caller = await scene.speaker()
    scene.subscribe(caller, caller, a_subscription(answers_nack=False))
    caller.say(Rtp())
    await caller.hear()

    caller.report(rtcp.GenericNack(VOICE, ECHO_SSRC, (9000,)))

    await until(lambda: drops(scene) == {DropReason.NACK_REFUSED: 1})


async def test_a_listener_over_tcp_is_sent_lost_packets_again(tcp_scene: Scene) -> None:
    caller = await tcp_scene.echoed(await tcp_scene.tcp())
    caller.say(Rtp())
    sealed = await caller.hear_sealed()

    caller.report(rtcp.GenericNack(VOICE, ECHO_SSRC, (9000,)))

    assert await caller.hear_sealed() == sealed


# -- figures -----------------------------------------------------------------------------------


async def test_figures_of_a_new_peer_are_noughts_and_unknowns(scene: Scene) -> None:
    stats = scene.plane.stats(scene.plane.add_peer())

    assert (stats.packets_received, stats.packets_lost, stats.packets_sent) == (0, 0, 0)
    assert stats.round_trip_s is None
    assert stats.remote_fraction_lost is None
    assert stats.last_media_ns is None
    assert not stats.has_said_bye


async def test_figures_tell_what_came_what_was_lost_and_what_was_sent(scene: Scene) -> None:
    caller = await scene.echoed()
    before_ns = time.monotonic_ns()
    caller.say(*(Rtp(sequence=s, payload=bytes(80)) for s in (1, 2, 5, 4)))
    for _ in range(4):
        await caller.hear()

    stats = scene.plane.stats(caller.peer_id)

    assert stats.packets_received == stats.packets_sent == 4
    assert stats.bytes_received == 4 * 92
    assert stats.bytes_sent == 4 * 80
    assert stats.packets_lost == 1
    assert stats.packets_out_of_order == 1
    assert stats.last_media_ns is not None
    assert before_ns < stats.last_media_ns < time.monotonic_ns()
    assert scene.plane.last_media_ns(caller.peer_id) == stats.last_media_ns


async def test_figures_tell_what_the_listener_reported(scene: Scene) -> None:
    caller = await scene.echoed()
    caller.say(Rtp())
    await caller.hear()

    block = rtcp.ReportBlock(ECHO_SSRC, 128, 3, 9000, 480, 0, 0)
    caller.report(rtcp.ReceiverReport(VOICE, (block,)))
    await until(lambda: scene.plane.stats(caller.peer_id).remote_jitter_s is not None)

    stats = scene.plane.stats(caller.peer_id)
    assert stats.remote_packets_lost == 3
    assert stats.remote_fraction_lost == 0.5
    assert stats.remote_jitter_s == 0.01


async def test_a_bye_of_the_speaker_shows_until_it_speaks_under_a_new_name(scene: Scene) -> None:
    caller = await scene.echoed()
    caller.say(Rtp())
    caller.report(rtcp.ReceiverReport(VOICE), rtcp.Bye((VOICE,)))
    await until(lambda: scene.plane.stats(caller.peer_id).has_said_bye)

    caller.say(Rtp(ssrc=OTHER_VOICE))

    await until(lambda: not scene.plane.stats(caller.peer_id).has_said_bye)


async def test_there_are_no_figures_of_a_peer_that_was_removed(scene: Scene) -> None:
    peer_id = scene.plane.add_peer()
    scene.plane.remove_peer(peer_id)

    with pytest.raises(KeyError):
        scene.plane.stats(peer_id)


# -- reports -----------------------------------------------------------------------------------


async def test_reports_come_by_themselves_and_measure_the_round_trip(scene: Scene) -> None:
    caller, mute = await scene.echoed(), await scene.listener()
    began_s, began_ns = int(time.time()), time.monotonic_ns()
    caller.say(*(Rtp(sequence=s, payload=bytes(80)) for s in (1, 2, 4, 5)))

    (to_caller, names), (to_mute, _) = await asyncio.gather(
        caller.read_report(), mute.read_report()
    )

    assert isinstance(to_caller, rtcp.SenderReport)
    assert (to_caller.ssrc, to_caller.packet_count, to_caller.octet_count) == (ECHO_SSRC, 4, 320)
    assert began_s <= (to_caller.ntp >> 32) - 2_208_988_800 <= time.time()
    (block,) = to_caller.blocks
    assert (block.ssrc, block.cumulative_lost, block.highest_extended) == (VOICE, 1, 5)
    assert names == rtcp.SourceDescription(((ECHO_SSRC, "echo"),))
    assert isinstance(to_mute, rtcp.ReceiverReport)
    assert to_mute.blocks == ()

    lsr = to_caller.ntp >> 16 & 0xFFFFFFFF
    answer = rtcp.ReportBlock(ECHO_SSRC, 0, 0, 9004, 0, lsr, 0)
    caller.report(rtcp.ReceiverReport(VOICE, (answer,)))
    await until(lambda: scene.plane.stats(caller.peer_id).round_trip_s is not None)
    round_trip_s = scene.plane.stats(caller.peer_id).round_trip_s
    assert round_trip_s is not None
    assert 0 <= round_trip_s <= (time.monotonic_ns() - began_ns) / 1e9


async def test_a_peer_that_is_removed_is_told_bye_with_the_last_figures(scene: Scene) -> None:
    caller = await scene.echoed()
    caller.say(Rtp(sequence=1), Rtp(sequence=3))
    for _ in range(2):
        await caller.hear()

    scene.plane.remove_peer(caller.peer_id)

    report, _, bye = await caller.read_report()
    assert isinstance(report, rtcp.SenderReport)
    assert report.packet_count == 2
    assert report.blocks[0].cumulative_lost == 1
    assert bye == rtcp.Bye((ECHO_SSRC,))


async def test_bye_is_said_once(scene: Scene) -> None:
    caller, witness = await scene.echoed(), await scene.echoed()
    scene.plane.end_media(caller.peer_id)
    scene.plane.end_media(caller.peer_id)
    scene.plane.remove_peer(caller.peer_id)
    *_, bye = await caller.read_report()
    assert isinstance(bye, rtcp.Bye)

    await assert_still_echoed(witness)

    with pytest.raises(BlockingIOError):
        waiting(caller)


async def test_no_media_is_taken_or_sent_after_its_end(scene: Scene) -> None:
    speaker, listener = await scene.echoed(), await scene.listener()
    scene.subscribe(speaker, listener)

    scene.plane.end_media(speaker.peer_id)
    speaker.say(Rtp())

    await until(lambda: drops(scene) == {DropReason.RTP_BEFORE_KEYS: 1})
    assert scene.plane.stats(listener.peer_id).packets_sent == 0


async def test_a_peer_that_leaves_before_it_has_keys_is_told_nothing(scene: Scene) -> None:
    caller, witness = await scene.bound(), await scene.echoed()

    scene.plane.remove_peer(caller.peer_id)
    await assert_still_echoed(witness)

    with pytest.raises(BlockingIOError):
        waiting(caller)


async def test_removing_a_peer_twice_is_removing_it(scene: Scene) -> None:
    peer_id = scene.plane.add_peer()

    scene.plane.remove_peer(peer_id)
    scene.plane.remove_peer(peer_id)
    scene.plane.end_media(peer_id)
