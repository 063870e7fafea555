"""What the packet plane drops and counts, and that nobody else is harmed by it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mediaserver.packets.builders import (
    ECHO_SSRC,
    VIDEO_PT,
    VOICE,
    Caller,
    Rtp,
    Scene,
    a_subscription,
    assert_still_echoed,
    drops,
    until,
)
from voicemedia_server.packets.datagrams import LARGEST_DATAGRAM_BYTES
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.relay.publication import MAX_SOURCES
from voicemedia_server.rtp import rtcp

OTHER_VOICE = VOICE + 1


async def unknown_kind(scene: Scene) -> None:
    scene.udp().send(bytes([100]) * 20)


async def too_large(scene: Scene) -> None:
    scene.udp().send(bytes([0x80]) * (LARGEST_DATAGRAM_BYTES + 1))


async def dtls_unbound(scene: Scene) -> None:
    scene.udp().send(b"\x16 a DTLS record")


async def rtp_unbound(scene: Scene) -> None:
    scene.udp().send(Rtp().encode())


async def rtcp_unbound(scene: Scene) -> None:
    scene.udp().send(rtcp.build_compound(rtcp.ReceiverReport(VOICE)) + bytes(14))


async def rtp_before_keys(scene: Scene) -> None:
    (await scene.bound()).link.send(Rtp().encode())


async def rtcp_before_keys(scene: Scene) -> None:
    caller = await scene.bound()
    caller.link.send(rtcp.build_compound(rtcp.ReceiverReport(VOICE)) + bytes(14))


async def rtp_malformed(scene: Scene) -> None:
    (await scene.echoed()).link.send(b"\x8f\x6f" + bytes(20))  # 15 contributing sources


async def rtp_unauthenticated(scene: Scene) -> None:
    caller = await scene.echoed()
    sealed = caller.sealed(Rtp())
    caller.link.send(sealed[:-1] + bytes([sealed[-1] ^ 1]))


async def rtp_replayed(scene: Scene) -> None:
    caller = await scene.echoed()
    sealed = caller.sealed(Rtp())
    caller.link.send(sealed)
    caller.link.send(sealed)


async def rtp_ssrc_flood(scene: Scene) -> None:
    caller = await scene.echoed()
    caller.say(*(Rtp(ssrc=ssrc) for ssrc in range(1, MAX_SOURCES + 2)))


async def rtp_unknown_payload_type(scene: Scene) -> None:
    (await scene.echoed()).say(Rtp(payload_type=100))


async def rtp_video(scene: Scene) -> None:
    (await scene.echoed()).say(Rtp(payload_type=VIDEO_PT))


async def rtcp_malformed(scene: Scene) -> None:
    (await scene.echoed()).report_bytes(b"\x80\xc9\0\xff" + bytes(8))  # longer than it is


async def rtcp_unauthenticated(scene: Scene) -> None:
    caller = await scene.echoed()
    caller.link.send(rtcp.build_compound(rtcp.ReceiverReport(VOICE)) + bytes(14))


async def listener_not_ready(scene: Scene) -> None:
    speaker, listener = await scene.speaker(), await scene.bound()
    scene.subscribe(speaker, listener)
    speaker.say(Rtp())


async def seal_refused(scene: Scene) -> None:
    caller = await scene.echoed()
    caller.say(Rtp())
    caller.say(Rtp(sequence=11, ssrc=OTHER_VOICE), Rtp(sequence=10, ssrc=OTHER_VOICE))


async def send_failed(scene: Scene) -> None:
    scene.plane.send_to(scene.plane.path_to("127.0.0.1", 0), bytes(20))


async def tcp_backlog(scene: Scene) -> None:
    path = await scene.path_of(await scene.tcp(receive_buffer_bytes=4096))
    while not drops(scene):
        scene.plane.send_to(path, bytes(1200))
        await asyncio.sleep(0)


async def nack_refused(scene: Scene) -> None:
    caller = await scene.speaker()
    scene.subscribe(caller, caller, a_subscription(answers_nack=False))
    caller.report(rtcp.GenericNack(VOICE, ECHO_SSRC, (1,)))


async def nack_missed(scene: Scene) -> None:
    caller = await scene.echoed()
    caller.report(rtcp.GenericNack(VOICE, ECHO_SSRC, (1,)))


PROVOCATIONS: dict[DropReason, Callable[[Scene], Awaitable[None]]] = {
    DropReason.UNKNOWN_KIND: unknown_kind,
    DropReason.TOO_LARGE: too_large,
    DropReason.DTLS_UNBOUND: dtls_unbound,
    DropReason.RTP_UNBOUND: rtp_unbound,
    DropReason.RTP_BEFORE_KEYS: rtp_before_keys,
    DropReason.RTP_MALFORMED: rtp_malformed,
    DropReason.RTP_UNAUTHENTICATED: rtp_unauthenticated,
    DropReason.RTP_REPLAYED: rtp_replayed,
    DropReason.RTP_SSRC_FLOOD: rtp_ssrc_flood,
    DropReason.RTP_UNKNOWN_PAYLOAD_TYPE: rtp_unknown_payload_type,
    DropReason.RTP_VIDEO: rtp_video,
    DropReason.RTCP_UNBOUND: rtcp_unbound,
    DropReason.RTCP_BEFORE_KEYS: rtcp_before_keys,
    DropReason.RTCP_MALFORMED: rtcp_malformed,
    DropReason.RTCP_UNAUTHENTICATED: rtcp_unauthenticated,
    DropReason.LISTENER_NOT_READY: listener_not_ready,
    DropReason.SEAL_REFUSED: seal_refused,
    DropReason.SEND_FAILED: send_failed,
    DropReason.TCP_BACKLOG: tcp_backlog,
    DropReason.NACK_REFUSED: nack_refused,
    DropReason.NACK_MISSED: nack_missed,
}
COUNTED_BY_OTHER_ROOMS = {
    DropReason.STUN_MALFORMED,
    DropReason.STUN_NOT_A_CHECK,
    DropReason.STUN_UNKNOWN_UFRAG,
    DropReason.STUN_BAD_INTEGRITY,
    DropReason.STUN_REPLAYED,
    DropReason.STUN_ROLE_CONFLICT,
    DropReason.DTLS_BACKLOG,
    DropReason.TRANSCODE_BACKLOG,
    DropReason.WEBSOCKET_BACKLOG,
    DropReason.WEBSOCKET_CLEARED,
}


@pytest.mark.parametrize("reason", [r for r in DropReason if r not in COUNTED_BY_OTHER_ROOMS])
async def test_each_reason_is_counted_once_and_harms_nobody_else(
    tcp_scene: Scene, reason: DropReason
) -> None:
    bystander = await tcp_scene.echoed()

    await PROVOCATIONS[reason](tcp_scene)

    await until(lambda: drops(tcp_scene) == {reason: 1})
    await assert_still_echoed(bystander)
    assert tcp_scene.plane.stats(bystander.peer_id).drops == {}


OF_ONE_PEER = [
    DropReason.RTP_BEFORE_KEYS,
    DropReason.RTP_MALFORMED,
    DropReason.RTP_UNAUTHENTICATED,
    DropReason.RTP_REPLAYED,
    DropReason.RTP_SSRC_FLOOD,
    DropReason.RTP_UNKNOWN_PAYLOAD_TYPE,
    DropReason.RTP_VIDEO,
    DropReason.RTCP_BEFORE_KEYS,
    DropReason.RTCP_MALFORMED,
    DropReason.RTCP_UNAUTHENTICATED,
    DropReason.LISTENER_NOT_READY,
    DropReason.SEAL_REFUSED,
    DropReason.NACK_REFUSED,
    DropReason.NACK_MISSED,
]


@pytest.mark.parametrize("reason", OF_ONE_PEER)
async def test_a_drop_that_is_one_peers_stands_in_its_figures(
    scene: Scene, reason: DropReason
) -> None:
    await PROVOCATIONS[reason](scene)
    await until(lambda: drops(scene) == {reason: 1})

    assert scene.plane.stats(scene.newest).drops == {reason: 1}


@pytest.mark.parametrize("datagram", [b"", b"\x80", b"\x80" * 11, b"\0" * 11, b"\xff" * 12])
async def test_a_datagram_that_is_nothing_is_of_unknown_kind(scene: Scene, datagram: bytes) -> None:
    scene.udp().send(datagram)

    await until(lambda: drops(scene) == {DropReason.UNKNOWN_KIND: 1})


async def test_the_first_byte_tells_the_kind_of_a_datagram(scene: Scene) -> None:
    stranger = scene.udp()
    for first in range(256):
        stranger.send(bytes([first, 0]) + bytes(18))

    await until(lambda: sum(drops(scene).values()) == 256 - 4)

    assert [datagram[0] for datagram, _ in scene.signals.stun] == [0, 1, 2, 3]
    assert drops(scene) == {
        DropReason.DTLS_UNBOUND: 64 - 20,
        DropReason.RTP_UNBOUND: 192 - 128,
        DropReason.UNKNOWN_KIND: (20 - 4) + (128 - 64) + (256 - 192),
    }


async def test_the_second_byte_tells_rtcp_from_rtp(scene: Scene) -> None:
    stranger = scene.udp()
    for second in range(256):
        stranger.send(bytes([0x80, second]) + bytes(18))

    await until(lambda: sum(drops(scene).values()) == 256)

    assert drops(scene) == {DropReason.RTCP_UNBOUND: 32, DropReason.RTP_UNBOUND: 256 - 32}


async def test_dropped_video_is_not_counted_as_received_audio(scene: Scene) -> None:
    caller = await scene.echoed()
    caller.say(Rtp())
    await caller.hear()

    caller.say(*(Rtp(sequence=s, payload_type=VIDEO_PT, ssrc=OTHER_VOICE) for s in (1, 2)))
    await until(lambda: drops(scene) == {DropReason.RTP_VIDEO: 2})

    assert scene.plane.stats(caller.peer_id).packets_received == 1
    caller.say(Rtp(sequence=501))
    assert (await caller.hear()).sequence == 9001


async def test_a_flood_of_sources_does_not_silence_the_source_that_was_heard(
    scene: Scene,
) -> None:
    caller = await scene.echoed()
    caller.say(Rtp())
    await caller.hear()
    caller.say(*(Rtp(ssrc=ssrc) for ssrc in range(1, 200)))

    await assert_still_echoed(caller, sequence=501)

    assert drops(scene) == {DropReason.RTP_SSRC_FLOOD: 199 - (MAX_SOURCES - 1)}


async def test_a_flood_of_sources_by_reports_is_bounded_too(scene: Scene) -> None:
    caller = await scene.echoed()
    for ssrc in range(1, MAX_SOURCES + 11):
        caller.report(rtcp.ReceiverReport(ssrc))

    await until(lambda: drops(scene) == {DropReason.RTP_SSRC_FLOOD: 10})
    await assert_still_echoed_by_known_source(caller)


async def assert_still_echoed_by_known_source(caller: Caller) -> None:
    """A caller whose places for sources are used up is still heard under one of them."""
    caller.say(Rtp(ssrc=1, payload=b"known"))
    assert (await caller.hear()).payload == b"known"


async def test_what_is_sealed_with_anothers_keys_is_not_authentic(scene: Scene) -> None:
    first, second = await scene.echoed(), await scene.echoed()

    first.link.send(second.sealed(Rtp()))

    await until(lambda: drops(scene) == {DropReason.RTP_UNAUTHENTICATED: 1})
    assert scene.plane.stats(first.peer_id).drops == {DropReason.RTP_UNAUTHENTICATED: 1}


async def test_a_packet_that_was_not_sealed_again_is_not_counted_as_sent(scene: Scene) -> None:
    caller = await scene.echoed()
    caller.say(Rtp())
    caller.say(Rtp(sequence=11, ssrc=OTHER_VOICE), Rtp(sequence=10, ssrc=OTHER_VOICE))

    await until(lambda: drops(scene) == {DropReason.SEAL_REFUSED: 1})

    assert scene.plane.stats(caller.peer_id).packets_sent == 2


async def test_drops_of_peers_that_have_left_stay_counted(scene: Scene) -> None:
    await rtp_unauthenticated(scene)
    await until(lambda: drops(scene) == {DropReason.RTP_UNAUTHENTICATED: 1})

    scene.plane.remove_peer(scene.newest)

    assert drops(scene) == {DropReason.RTP_UNAUTHENTICATED: 1}


async def test_a_drop_is_counted_for_a_peer_that_has_left_too(scene: Scene) -> None:
    peer_id = scene.plane.add_peer()
    scene.plane.remove_peer(peer_id)

    scene.plane.count_drop(DropReason.DTLS_BACKLOG, peer_id)

    assert drops(scene) == {DropReason.DTLS_BACKLOG: 1}
