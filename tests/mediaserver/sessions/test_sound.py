"""What an agreement says of the sound, without the SDP around it."""

from __future__ import annotations

from dataclasses import replace

from mediaserver.twins import OPUS, an_agreement, an_offer, audio_section
from voicemedia_server.sessions.offer import AnsweredSection, Codec, Direction, EchoForm
from voicemedia_server.sessions.sound import Sound, sound_of

VP8 = Codec(96, "vp8", 90000)
PCMU = Codec(0, "pcmu", 8000)


def test_the_sound_of_an_agreement_is_that_of_its_audio_section() -> None:
    agreement = replace(an_agreement(an_offer()), echo_form=EchoForm.DECODED)

    sound = sound_of(agreement)

    assert (sound.codecs, sound.codec_name) == ((OPUS,), "opus")
    assert (sound.is_echoed, sound.echo_form) == (True, EchoForm.DECODED)


def test_payload_types_of_sections_that_are_dropped_are_known() -> None:
    video = replace(audio_section(Direction.SENDONLY, "1"), kind="video", codecs=(VP8,))
    dropped = AnsweredSection(video, Direction.RECVONLY, (VP8,), is_dropped=True)
    agreement = an_agreement(an_offer())

    sound = sound_of(replace(agreement, sections=(*agreement.sections, dropped)))

    assert sound.dropped_payload_types == {96}


def test_nack_is_answered_where_a_codec_was_agreed_on_with_it() -> None:
    assert Sound((PCMU, replace(OPUS, feedback=("nack",))), True).answers_nack
    assert not Sound((PCMU, OPUS), True).answers_nack
