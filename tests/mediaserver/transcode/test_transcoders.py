"""A session that asks hears itself decoded and encoded again; nobody else notices."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from itertools import pairwise

import numpy as np
import pytest

from mediaserver.packets.builders import ECHO_SSRC, Caller, Rtp, Scene, a_scene, drops, until
from mediaserver.transcode.builders import (
    NARROW,
    OPUS,
    OPUS_FEC,
    PCMU,
    WIDE,
    Samples,
    hear,
    packets,
    speech,
    strength,
)
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.rtp.header import build_packet
from voicemedia_server.sessions.offer import Codec
from voicemedia_server.sessions.refusals import AtCapacity
from voicemedia_server.transcode.decoder import Decoder
from voicemedia_server.transcode.pcm import PcmFormat
from voicemedia_server.transcode.transcoders import TranscodeLimits, Transcoders


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """A plane on 127.0.0.1."""
    async with a_scene() as running:
        yield running


@pytest.fixture
async def transcoders(scene: Scene) -> AsyncIterator[Transcoders]:
    """The room, with places for two sessions whose packets may come all at once."""
    room = Transcoders(scene.plane, TranscodeLimits(max_sessions=2, queue_packets=100))
    yield room
    await room.close()


async def converse(caller: Caller, said: list[bytes]) -> list[Rtp]:
    """Says one packet after the other, each when the echo of the last was heard."""
    heard = []
    for packet in said:
        caller.say(Rtp.decode(packet))
        heard.append(await caller.hear())
    return heard


def sound_of(heard: list[Rtp], codec: Codec, form: PcmFormat) -> Samples:
    """What a listener hears of these packets."""
    first = heard[0].timestamp
    as_sent = [
        build_packet(
            packet.payload,
            payload_type=packet.payload_type,
            sequence=packet.sequence,
            timestamp=(packet.timestamp - first) & 0xFFFFFFFF,
            ssrc=packet.ssrc,
        )
        for packet in heard
    ]
    return hear(Decoder([codec], form), as_sent).samples


def envelope(samples: Samples, rate_hz: int) -> Samples:
    """Loudness every 20 ms."""
    step = rate_hz // 50
    return np.asarray([strength(samples[n : n + step]) for n in range(0, len(samples), step)])


@pytest.mark.parametrize(
    ("codec", "form"), [(OPUS_FEC, WIDE), (PCMU, NARROW)], ids=["opus", "pcmu"]
)
async def test_the_echo_is_the_same_sound_in_other_packets(
    scene: Scene, transcoders: Transcoders, codec: Codec, form: PcmFormat
) -> None:
    caller = await scene.echoed()
    said = packets(speech(1, rate_hz=form.rate_hz), codec, form)

    transcoders.attach(caller.peer_id, [codec])
    heard = await converse(caller, said)

    assert {(packet.ssrc, packet.payload_type) for packet in heard} == {
        (ECHO_SSRC, codec.payload_type)
    }
    assert [packet.sequence for packet in heard] == [9000 + n for n in range(50)]
    loudness = envelope(sound_of(heard, codec, form), form.rate_hz)
    original = envelope(hear(Decoder([codec], form), said).samples, form.rate_hz)
    assert np.corrcoef(loudness[2:], original[2:])[0, 1] > 0.9
    assert np.mean(loudness) == pytest.approx(np.mean(original), rel=0.2)


async def test_what_the_caller_lost_is_concealed_and_the_echo_has_no_gap(
    scene: Scene, transcoders: Transcoders
) -> None:
    caller = await scene.echoed()
    said = packets(speech(1), OPUS_FEC)

    transcoders.attach(caller.peer_id, [OPUS_FEC])
    for place, packet in enumerate(said):
        if place not in (20, 30, 31):
            caller.say(Rtp.decode(packet))
    heard = [await caller.hear() for _ in said]

    assert [packet.sequence for packet in heard] == [9000 + n for n in range(50)]
    assert {b.timestamp - a.timestamp & 0xFFFFFFFF for a, b in pairwise(heard)} == {960}
    counts = transcoders.reading().decoder
    assert (counts.lost, counts.recovered + counts.concealed) == (3, 3)


async def test_other_sessions_are_relayed_untouched(scene: Scene, transcoders: Transcoders) -> None:
    asking, other = await scene.echoed(), await scene.echoed()
    said = packets(speech(0.5), OPUS)
    transcoders.attach(asking.peer_id, [OPUS])

    for packet in said:
        asking.say(Rtp.decode(packet))
        other.say(Rtp.decode(packet))

    assert [(await other.hear()).payload for _ in said] == [packet[12:] for packet in said]


async def test_a_codec_change_of_the_caller_is_heard_in_the_codec_agreed_first(
    scene: Scene, transcoders: Transcoders
) -> None:
    caller = await scene.echoed()
    said = packets(speech(0.5, rate_hz=8_000), PCMU, NARROW)
    transcoders.attach(caller.peer_id, [OPUS, PCMU])

    for packet in said:
        caller.say(Rtp.decode(packet))
    heard = [await caller.hear() for _ in range(len(said) - 1)]  # the resampler holds the rest

    assert {packet.payload_type for packet in heard} == {OPUS.payload_type}
    assert strength(sound_of(heard, OPUS, WIDE)) > 500


async def test_the_last_packet_before_a_pause_is_heard_though_one_before_it_is_missing(
    scene: Scene, transcoders: Transcoders
) -> None:
    caller = await scene.echoed()
    said = [Rtp.decode(packet) for packet in packets(speech(0.5), OPUS)]
    transcoders.attach(caller.peer_id, [OPUS])

    caller.say(*said[:3], said[4])
    heard = [await caller.hear() for _ in range(5)]

    assert [packet.sequence for packet in heard] == [9000, 9001, 9002, 9003, 9004]


async def test_no_more_sessions_are_taken_than_there_are_places(
    scene: Scene, transcoders: Transcoders
) -> None:
    callers = [await scene.echoed() for _ in range(3)]
    for caller in callers[:2]:
        transcoders.attach(caller.peer_id, [OPUS])

    with pytest.raises(AtCapacity) as refused:
        transcoders.attach(callers[2].peer_id, [OPUS])

    assert (refused.value.status, refused.value.retry_after_s) == (503, 10)


async def test_a_place_is_free_again_when_its_session_has_ended(
    scene: Scene, transcoders: Transcoders
) -> None:
    callers = [await scene.echoed() for _ in range(3)]
    for caller in callers[:2]:
        transcoders.attach(caller.peer_id, [OPUS])

    transcoders.detach(callers[0].peer_id)
    scene.plane.remove_peer(callers[0].peer_id)
    transcoders.attach(callers[2].peer_id, [OPUS])

    assert transcoders.reading().sessions == 2


async def test_after_detaching_the_echo_is_untouched(
    scene: Scene, transcoders: Transcoders
) -> None:
    caller = await scene.echoed()
    said = packets(speech(0.5), OPUS)
    transcoders.attach(caller.peer_id, [OPUS])
    await converse(caller, said[:5])

    transcoders.detach(caller.peer_id)
    heard = await converse(caller, said[5:10])

    assert [packet.payload for packet in heard] == [packet[12:] for packet in said[5:10]]
    assert transcoders.reading().decoder.decoded == 5


async def test_after_a_fault_of_ours_the_call_goes_on_with_the_untouched_echo(
    scene: Scene, transcoders: Transcoders
) -> None:
    caller = await scene.echoed()
    said = packets(speech(0.5), OPUS)
    no_payload_type = Codec(payload_type=200, name="opus", clock_hz=48_000, channels=2)
    transcoders.attach(caller.peer_id, [no_payload_type, OPUS])

    caller.say(Rtp.decode(said[0]))
    await until(lambda: transcoders.reading().failures == 1)
    heard = await converse(caller, said[1:5])

    assert [packet.payload for packet in heard] == [packet[12:] for packet in said[1:5]]
    assert transcoders.reading().sessions == 0


async def test_garbage_in_a_payload_is_counted_and_harms_nobody(
    scene: Scene, transcoders: Transcoders
) -> None:
    caller = await scene.echoed()
    transcoders.attach(caller.peer_id, [OPUS])

    caller.say(Rtp(payload=b"\x7b\x00"))

    await until(lambda: drops(scene) == {DropReason.RTP_MALFORMED: 1})


async def test_detaching_a_session_that_never_asked_changes_nothing(
    scene: Scene, transcoders: Transcoders
) -> None:
    caller = await scene.echoed()

    transcoders.detach(caller.peer_id)

    assert (await converse(caller, packets(speech(0.1), OPUS)[:1]))[0].payload


async def test_closing_ends_all_sessions_and_leaves_no_thread(scene: Scene) -> None:
    before = threading.active_count()
    room = Transcoders(scene.plane, TranscodeLimits())
    caller = await scene.echoed()
    room.attach(caller.peer_id, [OPUS])
    caller.say(*(Rtp.decode(packet) for packet in packets(speech(0.5), OPUS)))
    await caller.hear()

    async with asyncio.timeout(10):
        await room.close()

    assert threading.active_count() == before
    assert room.reading().sessions == 0


async def test_without_any_place_nothing_is_taken_and_no_library_is_needed(scene: Scene) -> None:
    room = Transcoders(scene.plane, TranscodeLimits(max_sessions=0))

    with pytest.raises(AtCapacity):
        room.check_room()
    await room.close()
