"""libopus is found, decodes to every rate, and does what PyAV cannot ask of it."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from mediaserver.transcode.builders import OPUS, WIDE, mono, packets, speech, strength, tone
from voicemedia_server.transcode.libopus import (
    LibopusMissing,
    OpusDecoder,
    OpusRefused,
    libopus_version,
    load_libopus,
    open_first,
    places,
)
from voicemedia_server.transcode.pcm import RATES_HZ, Pcm, PcmFormat


def test_the_library_that_pyav_brings_is_the_first_choice() -> None:
    first = next(places())

    assert Path(first).is_relative_to(Path(av.__file__).parent.parent)
    assert libopus_version().startswith("libopus ")


def test_without_any_library_the_error_says_what_to_install() -> None:
    with pytest.raises(LibopusMissing, match="pip install av"):
        open_first([])


def test_a_library_that_cannot_be_opened_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "libopus.so"
    broken.write_bytes(b"no library")

    assert open_first([str(broken), *places()]) is not None


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_packet_is_decoded_to_the_wanted_rate_and_channels(rate_hz: int, channels: int) -> None:
    form = PcmFormat(rate_hz, channels)
    payload = packets(tone(0.1), OPUS)[0][12:]

    data = OpusDecoder(form).decode(payload)

    assert len(data) == rate_hz // 50 * form.block_bytes


@pytest.mark.parametrize("payload", [b"\x7b", b"\x7b\x80\xff", b"\x79..."])
def test_a_broken_packet_is_refused_with_the_library_s_status(payload: bytes) -> None:
    with pytest.raises(OpusRefused) as refused:
        OpusDecoder(PcmFormat(48_000)).decode(payload)

    assert refused.value.status < 0


def test_the_first_sound_cannot_be_concealed_but_by_silence() -> None:
    data = OpusDecoder(PcmFormat(48_000)).conceal(960)

    assert data == bytes(1920)


def test_two_decoders_know_nothing_of_each_other() -> None:
    payloads = [p[12:] for p in packets(speech(0.4), OPUS)]
    alone, beside = OpusDecoder(PcmFormat(16_000)), OpusDecoder(PcmFormat(16_000))
    other = OpusDecoder(PcmFormat(16_000))

    expected = [alone.decode(payload) for payload in payloads]
    mixed = [(other.conceal(320), beside.decode(payload))[1] for payload in payloads]

    assert mixed == expected


@pytest.mark.parametrize("name", ["libopus", "opus"])
def test_pyav_takes_an_empty_packet_for_the_end_and_not_for_a_loss(name: str) -> None:
    """Should this fail one day, PyAV has learnt it, and decision 0003 can be looked at again."""
    context = av.CodecContext.create(name, "r")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout = 48_000, "mono"
    payload = packets(tone(0.1), OPUS)[0][12:]
    assert context.decode(av.Packet(payload))

    assert context.decode(av.Packet(b"")) == []
    with pytest.raises(EOFError):
        context.decode(av.Packet(payload))


@pytest.mark.parametrize("name", ["libopus", "opus"])
def test_pyav_s_decoders_have_no_option_for_fec_or_concealment(name: str) -> None:
    context = av.CodecContext.create(name, "r")

    named = {option.name for option in context.supported_options.private}

    assert not {option for option in named if "fec" in option or "conceal" in option}


def test_concealment_after_a_tone_goes_on_with_it() -> None:
    decoder = OpusDecoder(WIDE)
    heard = [decoder.decode(packet[12:]) for packet in packets(tone(0.3), OPUS)]

    invented = decoder.conceal(960)

    assert strength(mono(Pcm(invented, WIDE, 0))) > strength(mono(Pcm(heard[-1], WIDE, 0))) / 2


def test_the_library_is_opened_once() -> None:
    assert load_libopus() is load_libopus()
