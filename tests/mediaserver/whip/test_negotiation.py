"""An offer is met whole or refused whole, with a sentence that says what to mend."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import pytest

from mediaserver.twins import OPUS, an_offer, audio_section
from voicemedia_server.sessions.offer import (
    Codec,
    Direction,
    EchoForm,
    Fingerprint,
    HeaderExtension,
    Offer,
)
from voicemedia_server.sessions.refusals import OfferMalformed, OfferUnacceptable, Refusal
from voicemedia_server.whip.negotiation import (
    AUDIO_LEVEL,
    MID,
    WhipPolicy,
    choose_codecs,
    negotiate,
    read_echo_form,
)

POLICY = WhipPolicy()
PCMU = Codec(0, "pcmu", 8000)
PCMA = Codec(8, "pcma", 8000)
G722 = Codec(9, "g722", 8000)
RED = Codec(63, "red", 48000, 2, "111/111")
DTMF_48 = Codec(110, "telephone-event", 48000)
DTMF_8 = Codec(126, "telephone-event", 8000)
VP8 = Codec(96, "vp8", 90000, feedback=("nack", "nack pli"))
VIDEO = replace(audio_section(Direction.SENDONLY, mid="1"), kind="video", codecs=(VP8,))


@pytest.mark.parametrize(
    ("offered", "answered"),
    [(Direction.SENDONLY, Direction.RECVONLY), (Direction.SENDRECV, Direction.SENDRECV)],
)
def test_a_publisher_is_received_and_an_echo_is_sent_back(
    offered: Direction, answered: Direction
) -> None:
    agreement = negotiate(an_offer(audio_section(offered)), POLICY)

    assert agreement.audio.direction is answered


def test_where_nothing_is_echoed_sendrecv_is_answered_recvonly_as_the_rfc_asks() -> None:
    agreement = negotiate(an_offer(), replace(POLICY, echoes=False))

    assert agreement.audio.direction is Direction.RECVONLY


@pytest.mark.parametrize("direction", [Direction.RECVONLY, Direction.INACTIVE])
def test_who_sends_nothing_is_no_publisher(direction: Direction) -> None:
    with pytest.raises(OfferUnacceptable, match="sendonly or sendrecv"):
        negotiate(an_offer(audio_section(direction)), POLICY)


def test_opus_comes_first_whatever_the_client_prefers_and_payload_types_are_kept() -> None:
    chosen = choose_codecs([PCMU, G722, PCMA, OPUS])

    assert [codec.payload_type for codec in chosen] == [111, 0, 8]


def test_red_and_events_travel_along_at_the_clock_of_the_first_codec() -> None:
    assert [c.name for c in choose_codecs([OPUS, RED, DTMF_48, DTMF_8])] == [
        *("opus", "red", "telephone-event")
    ]
    assert choose_codecs([PCMU, RED, DTMF_48, DTMF_8]) == (PCMU, DTMF_8)


def test_of_the_feedback_only_nack_is_agreed_to() -> None:
    (chosen,) = choose_codecs([replace(OPUS, feedback=("nack", "transport-cc"))])

    assert chosen.feedback == ("nack",)


def test_only_header_extensions_that_we_handle_are_answered() -> None:
    extensions = (
        HeaderExtension(1, AUDIO_LEVEL),
        HeaderExtension(3, "urn:example:unheard-of"),
        HeaderExtension(4, MID),
    )
    agreement = negotiate(an_offer(replace(audio_section(), extensions=extensions)), POLICY)

    assert [extension.id for extension in agreement.audio.extensions] == [1, 4]


def test_video_is_taken_and_dropped_or_refused_as_configured() -> None:
    offer = an_offer(audio_section(Direction.SENDONLY), VIDEO)

    video = negotiate(offer, POLICY).sections[1]
    with pytest.raises(OfferUnacceptable, match="Video"):
        negotiate(offer, replace(POLICY, rejects_video=True))

    assert video.is_dropped
    assert video.direction is Direction.RECVONLY
    assert video.codecs[0].feedback == ()


def broken(offer: Offer, **changes: object) -> Offer:
    return dataclasses.replace(offer, **changes)  # type: ignore[arg-type]  # named by the table


def section(**changes: object) -> Offer:
    return an_offer(dataclasses.replace(audio_section(), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offer", "sentence"),
    [
        (an_offer(audio_section(mid="0"), audio_section(mid="1")), "2 audio sections"),
        (an_offer(VIDEO), "0 audio sections"),
        (an_offer(setup="passive"), "setup:passive"),
        (section(codecs=(G722,)), "No audio codec"),
        (section(is_rtcp_mux=False), "rtcp-mux"),
        (section(is_rejected=True), "port 0"),
        (section(profile="RTP/AVP"), "DTLS-SRTP"),
        (section(kind="application"), "application"),
        (broken(an_offer(audio_section(), VIDEO), bundle=()), "BUNDLE"),
        (
            an_offer(
                replace(audio_section(), stream_id="one"), replace(VIDEO, stream_id="another")
            ),
            "one MediaStream",
        ),
    ],
)
def test_what_cannot_be_met_is_refused_whole(offer: Offer, sentence: str) -> None:
    with pytest.raises(OfferUnacceptable, match=sentence):
        negotiate(offer, POLICY)


def test_a_fingerprint_that_nobody_can_check_is_malformed() -> None:
    offer = broken(an_offer(), fingerprints=(Fingerprint("md2", "AB:CD"),))

    with pytest.raises(OfferMalformed, match="sha-256"):
        negotiate(offer, POLICY)


def test_an_echo_is_untouched_unless_the_caller_asks() -> None:
    assert read_echo_form([]) is EchoForm.DIRECT
    assert read_echo_form(["direct"]) is EchoForm.DIRECT
    assert read_echo_form(["decoded"]) is EchoForm.DECODED


@pytest.mark.parametrize("values", [["loud"], [""], ["decoded", "direct"]])
def test_a_form_of_echo_that_there_is_not_is_refused_with_those_that_there_are(
    values: list[str],
) -> None:
    with pytest.raises(Refusal, match="direct, decoded") as refused:
        read_echo_form(values)

    assert refused.value.status == 400


def test_the_agreement_says_what_form_of_echo_was_asked_for() -> None:
    agreement = negotiate(an_offer(), WhipPolicy(), EchoForm.DECODED)

    assert agreement.echo_form is EchoForm.DECODED


def test_a_decoded_echo_for_who_hears_none_is_refused() -> None:
    with pytest.raises(OfferUnacceptable, match="sendrecv"):
        negotiate(an_offer(), WhipPolicy(echoes=False), EchoForm.DECODED)
