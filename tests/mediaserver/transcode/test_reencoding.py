"""What a worker makes of one session's packets."""

from __future__ import annotations

import pytest

from mediaserver.transcode.builders import (
    EVENTS,
    OPUS_FEC,
    PCMU,
    START,
    WIDE,
    packets,
    speech,
)
from voicemedia_server.rtp.header import parse_header
from voicemedia_server.transcode.encoder import NotEncodable
from voicemedia_server.transcode.reencoding import Batch, Reencoding


def test_each_packet_becomes_one_of_our_own_numbered_from_our_start() -> None:
    said = packets(speech(0.5), OPUS_FEC)
    work = Reencoding([OPUS_FEC], START)

    made = [packet for one in said for packet in work.run(Batch([one])).packets]

    headers = [parse_header(packet) for packet in made]
    assert len(made) == len(said)
    assert [h.sequence for h in headers] == [
        (START.sequence + n) & 0xFFFF for n in range(len(made))
    ]
    assert {header.ssrc for header in headers} == {START.ssrc}


def test_another_codec_that_was_agreed_comes_back_in_the_first() -> None:
    said = packets(speech(0.5), OPUS_FEC, WIDE)
    work = Reencoding([PCMU, OPUS_FEC], START)

    made = work.run(Batch(said, is_last=True)).packets

    assert {parse_header(packet).payload_type for packet in made} == {PCMU.payload_type}


def test_what_was_lost_is_replaced_once_it_is_given_up() -> None:
    said = packets(speech(0.5), OPUS_FEC)
    work = Reencoding([OPUS_FEC], START)

    outcome = work.run(Batch([*said[:10], *said[11:]], is_last=True))

    assert len(outcome.packets) == len(said)
    assert outcome.counts.lost == 1
    assert outcome.counts.recovered + outcome.counts.concealed == 1


def test_a_gap_is_waited_for_until_it_is_the_last_batch() -> None:
    said = packets(speech(0.2), OPUS_FEC)
    work = Reencoding([OPUS_FEC], START)
    work.run(Batch(said[:3]))

    assert work.run(Batch([said[4]])).is_holding
    assert not work.run(Batch([], is_last=True)).is_holding


def test_what_cannot_be_encoded_is_refused_at_once() -> None:
    with pytest.raises(NotEncodable):
        Reencoding([EVENTS], START)
