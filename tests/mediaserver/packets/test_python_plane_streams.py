"""Peers whose edge carries their packets itself: the same relay, counts and figures, no SRTP."""

from __future__ import annotations

from mediaserver.packets.builders import (
    ECHO_SSRC,
    OPUS,
    PCMU,
    VOICE,
    Rtp,
    Scene,
    a_subscription,
    drops,
)
from voicemedia_server.packets.datagrams import LARGEST_DATAGRAM_BYTES
from voicemedia_server.ports import ListenerReception, PeerId, PublicationSpec
from voicemedia_server.relay.drops import DropReason


class Stream:
    """A peer of an edge: `take` is what its client sends, `heard` what it would be sent."""

    def __init__(self, scene: Scene, *, hears_itself: bool = True) -> None:
        self.plane = scene.plane
        self.heard: list[Rtp] = []
        self.id: PeerId = self.plane.add_peer()
        self.plane.open_stream(self.id, lambda packet: self.heard.append(Rtp.decode(packet)))
        self.plane.publish(self.id, PublicationSpec((OPUS, PCMU)))
        if hears_itself:
            self.plane.subscribe(self.id, self.id, a_subscription())

    def take(self, *packets: Rtp) -> None:
        for packet in packets:
            self.plane.take_packet(self.id, packet.encode())


async def test_an_echo_is_untouched_but_for_our_ssrc_and_numbers(scene: Scene) -> None:
    stream = Stream(scene)

    stream.take(Rtp(sequence=7, timestamp=960, payload=b"one"), Rtp(sequence=9, payload=b"three"))

    assert [packet.payload for packet in stream.heard] == [b"one", b"three"]
    assert [packet.sequence for packet in stream.heard] == [9000, 9002]
    assert {packet.ssrc for packet in stream.heard} == {ECHO_SSRC}
    assert stream.heard[0].timestamp == 960


async def test_it_is_counted_as_any_other_speaker(scene: Scene) -> None:
    stream = Stream(scene)

    stream.take(Rtp(sequence=1, payload=bytes(80)), Rtp(sequence=4, payload=bytes(80)))

    stats = scene.plane.stats(stream.id)
    assert (stats.packets_received, stats.packets_lost) == (2, 2)
    assert (stats.packets_sent, stats.bytes_sent) == (2, 160)
    assert stats.last_media_ns is not None


async def test_a_webrtc_peer_hears_it_and_is_heard_by_it(scene: Scene) -> None:
    stream, caller = Stream(scene, hears_itself=False), await scene.speaker()
    scene.plane.subscribe(stream.id, caller.peer_id, a_subscription())
    scene.plane.subscribe(caller.peer_id, stream.id, a_subscription())

    stream.take(Rtp(payload=b"from the stream"))
    caller.say(Rtp(payload=b"from the caller"))

    assert (await caller.hear()).payload == b"from the stream"
    while not stream.heard:
        await caller.link.receive()
    assert stream.heard[0].payload == b"from the caller"


async def test_a_frame_of_sixty_milliseconds_of_l16_fits(scene: Scene) -> None:
    stream = Stream(scene)

    stream.take(Rtp(payload=bytes(5760)))

    assert len(stream.heard[0].payload) == 5760


async def test_what_is_no_packet_of_it_is_dropped_and_counted(scene: Scene) -> None:
    stream = Stream(scene)
    stream.take(Rtp(payload_type=100))
    scene.plane.take_packet(stream.id, b"short")
    scene.plane.take_packet(stream.id, bytes(LARGEST_DATAGRAM_BYTES + 1))

    assert stream.heard == []
    assert drops(scene) == {
        DropReason.RTP_UNKNOWN_PAYLOAD_TYPE: 1,
        DropReason.RTP_MALFORMED: 1,
        DropReason.TOO_LARGE: 1,
    }


async def test_many_sources_in_turn_are_a_flood(scene: Scene) -> None:
    stream = Stream(scene)

    stream.take(*(Rtp(ssrc=VOICE + n) for n in range(100)))

    assert drops(scene)[DropReason.RTP_SSRC_FLOOD] > 0


async def test_what_its_edge_measured_stands_in_its_figures(scene: Scene) -> None:
    stream = Stream(scene)
    stream.take(Rtp())

    scene.plane.note_reception(stream.id, ListenerReception(round_trip_s=0.02))
    scene.plane.note_reception(stream.id, ListenerReception(packets_lost=3, jitter_s=0.001))

    stats = scene.plane.stats(stream.id)
    assert (stats.round_trip_s, stats.remote_packets_lost) == (0.02, 3)
    assert stats.remote_jitter_s == 0.001
    assert stats.playout_s is None


async def test_what_its_edge_knows_of_the_playing_is_kept_until_it_is_known_better(
    scene: Scene,
) -> None:
    stream = Stream(scene)

    scene.plane.note_reception(stream.id, ListenerReception(playout_s=0.08, underruns=1))
    scene.plane.note_reception(stream.id, ListenerReception(buffered_s=0.06, underruns=2))

    stats = scene.plane.stats(stream.id)
    assert (stats.playout_s, stats.remote_buffered_s, stats.remote_underruns) == (0.08, 0.06, 2)


async def test_after_its_end_nothing_is_taken_or_sent(scene: Scene) -> None:
    stream = Stream(scene)

    scene.plane.end_media(stream.id)
    stream.take(Rtp())
    scene.plane.remove_peer(stream.id)
    stream.take(Rtp())
    scene.plane.note_reception(stream.id, ListenerReception(round_trip_s=1))

    assert stream.heard == []
    assert drops(scene) == {}
