"""One payload at a time: decoded, recovered or concealed."""

from __future__ import annotations

import numpy as np
import pytest

from mediaserver.transcode.builders import (
    EVENTS,
    NARROW,
    OPUS_FEC,
    PCMA,
    PCMU,
    WIDE,
    packets,
    speech,
)
from voicemedia_server.rtp.opus_packet import carries_fec
from voicemedia_server.sessions.offer import Codec
from voicemedia_server.transcode.payloads import (
    PayloadDecoder,
    PayloadRefused,
    open_payload_decoder,
)
from voicemedia_server.transcode.pcm import PcmFormat

HEADER_BYTES = 12


def opened(codec: Codec, form: PcmFormat = WIDE) -> PayloadDecoder:
    decoder = open_payload_decoder(codec, form)
    assert decoder is not None
    return decoder


def payloads(codec: Codec) -> list[bytes]:
    form = WIDE if codec is OPUS_FEC else NARROW
    said = packets(speech(1, rate_hz=form.rate_hz), codec, form)
    return [packet[HEADER_BYTES:] for packet in said]


@pytest.mark.parametrize("codec", [OPUS_FEC, PCMU, PCMA], ids=lambda codec: codec.name)
def test_each_codec_is_decoded_to_as_much_sound_as_it_says(codec: Codec) -> None:
    decoder = opened(codec)

    for payload in payloads(codec):
        samples = decoder.units(payload) * decoder.form.rate_hz // decoder.clock_hz
        assert len(decoder.decode(payload)) == samples * decoder.form.block_bytes


def test_what_is_no_sound_has_no_decoder() -> None:
    assert open_payload_decoder(EVENTS, WIDE) is None


@pytest.mark.parametrize("payload", [b"", b"\xff", b"\xff\x00"])
def test_what_is_no_opus_is_refused(payload: bytes) -> None:
    with pytest.raises(PayloadRefused):
        opened(OPUS_FEC).units(payload)


def test_a_lost_payload_comes_back_from_the_next_where_it_has_a_copy() -> None:
    decoder, said = opened(OPUS_FEC), payloads(OPUS_FEC)
    place = next(n for n in range(20, len(said)) if carries_fec(said[n]))
    for payload in said[: place - 1]:
        decoder.decode(payload)

    recovered = decoder.recover(said[place], 960)

    assert recovered is not None
    assert np.abs(np.frombuffer(recovered, "<i2")).max() > 500


@pytest.mark.parametrize("codec", [PCMU, PCMA], ids=lambda codec: codec.name)
def test_g711_has_no_copy_of_what_was_lost(codec: Codec) -> None:
    decoder, said = opened(codec), payloads(codec)
    decoder.decode(said[0])

    assert decoder.recover(said[2], 160) is None


@pytest.mark.parametrize("codec", [OPUS_FEC, PCMU], ids=lambda codec: codec.name)
def test_what_is_concealed_is_as_long_as_what_was_lost_and_no_silence(codec: Codec) -> None:
    decoder, said = opened(codec), payloads(codec)
    for payload in said[:30]:
        decoder.decode(payload)
    units = decoder.units(said[30])

    concealed = np.frombuffer(decoder.conceal(units), "<i2")

    assert len(concealed) == units * decoder.form.rate_hz // decoder.clock_hz
    assert np.abs(concealed).max() > 100
