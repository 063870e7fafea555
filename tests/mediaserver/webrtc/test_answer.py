"""The answer, line by line as WHIP asks for it, and as foreign parsers and peers take it."""

from __future__ import annotations

import re

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import MediaDescription, SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.webrtc.builders import (
    ECHO,
    GOOD_OFFERS,
    OUR_FINGERPRINT,
    OURS,
    agree,
    an_ice_description,
    an_offer,
    offer_file,
)
from voicemedia_server.ports import EchoIdentity, IceDescription
from voicemedia_server.sessions.offer import IceCredentials
from voicemedia_server.sessions.refusals import OfferMalformed
from voicemedia_server.webrtc.answer import write_answer
from voicemedia_server.webrtc.offer import read_offer

OUR_ATTRIBUTES = {
    "candidate",
    "end-of-candidates",
    "extmap",
    "fingerprint",
    "fmtp",
    "group",
    "ice-lite",
    "ice-options",
    "ice-pwd",
    "ice-ufrag",
    "mid",
    "msid",
    "msid-semantic",
    "recvonly",
    "rtcp-fb",
    "rtcp-mux",
    "rtcp-mux-only",
    "rtpmap",
    "sendrecv",
    "setup",
    "ssrc",
}


def answer_to(
    body: bytes, *, ice: IceDescription | None = None, echo: EchoIdentity | None = ECHO
) -> str:
    """The answer to an offer."""
    offer = read_offer(body)
    return write_answer(offer, agree(offer), ice or an_ice_description(), [OUR_FINGERPRINT], echo)


def split(answer: str) -> tuple[list[str], list[list[str]]]:
    """The lines of the session, and those of each media section."""
    assert answer.endswith("\r\n")
    session: list[str] = []
    sections: list[list[str]] = []
    for line in answer[:-2].split("\r\n"):
        if line.startswith("m="):
            sections.append([])
        (sections[-1] if sections else session).append(line)
    return session, sections


def sections_of(name: str) -> list[list[str]]:
    """The media sections of the answer to a real client's offer."""
    return split(answer_to(offer_file(name)))[1]


# -- line by line (RFC 9725 section 4.4, RFC 9143, RFC 8858, RFC 8839) ----------------------


@pytest.mark.parametrize(
    "line",
    ["a=rtcp-mux", "a=rtcp-mux-only", "a=setup:passive", f"a=ice-ufrag:{OURS.ufrag}"],
)
@pytest.mark.parametrize("name", GOOD_OFFERS)
def test_every_section_has_the_line_once(name: str, line: str) -> None:
    assert [section.count(line) for section in sections_of(name)] == [1] * len(sections_of(name))


@pytest.mark.parametrize("name", GOOD_OFFERS)
def test_every_section_has_our_transport(name: str) -> None:
    for section in sections_of(name):
        assert f"a=ice-pwd:{OURS.pwd}" in section
        assert "a=ice-options:trickle ice2" in section
        assert f"a=fingerprint:sha-256 {OUR_FINGERPRINT.value}" in section


@pytest.mark.parametrize("name", GOOD_OFFERS)
def test_the_group_of_the_offer_is_answered_whole(name: str) -> None:
    offer = read_offer(offer_file(name))

    session, _ = split(answer_to(offer_file(name)))

    assert "a=group:BUNDLE " + " ".join(offer.bundle) in session


@pytest.mark.parametrize("name", GOOD_OFFERS)
def test_the_sections_are_those_of_the_offer_in_its_order_and_none_is_rejected(name: str) -> None:
    offer = read_offer(offer_file(name))

    for offered, section in zip(offer.media, sections_of(name), strict=True):
        kind, port, profile, *formats = section[0][2:].split()
        assert (kind, profile) == (offered.kind, "UDP/TLS/RTP/SAVPF")
        assert port == "9"
        assert formats == [str(offered.codecs[0].payload_type)]
        assert f"a=mid:{offered.mid}" in section


@pytest.mark.parametrize("name", GOOD_OFFERS)
def test_the_tagged_section_has_every_candidate_and_their_end_and_no_other_has_any(
    name: str,
) -> None:
    ice = an_ice_description(
        "u1 1 udp 2130706431 192.0.2.1 3478 typ host",
        "u2 1 udp 2130706175 2001:db8::1 3478 typ host",
        "t1 1 tcp 1520435199 192.0.2.1 3478 typ host tcptype passive",
    )

    tagged, *others = split(answer_to(offer_file(name), ice=ice))[1]

    found = [line for line in tagged if "candidate" in line]
    assert found == [*(f"a=candidate:{c}" for c in ice.candidates), "a=end-of-candidates"]
    assert not any("candidate" in line for section in others for line in section)


def test_a_lite_agent_says_so_for_the_whole_session() -> None:
    assert "a=ice-lite" in split(answer_to(an_offer()))[0]


def test_a_full_agent_does_not_say_that_it_is_lite() -> None:
    assert "a=ice-lite" not in answer_to(an_offer(), ice=an_ice_description(is_lite=False))


def test_a_client_that_does_not_bundle_gets_no_group_and_candidates_all_the_same() -> None:
    answer = answer_to(an_offer(without="a=group"))

    assert "BUNDLE" not in answer
    assert "a=end-of-candidates" in answer


def test_a_section_without_mid_is_answered_without_mid() -> None:
    answer = answer_to(an_offer(without="a=mid", changed={"a=group": "a=x"}))

    assert "a=mid" not in answer


def test_the_direction_is_the_agreed_one() -> None:
    assert "a=sendrecv" in split(answer_to(an_offer()))[1][0]
    sendonly = an_offer(changed={"a=sendrecv": "a=sendonly"})
    assert "a=recvonly" in split(answer_to(sendonly, echo=None))[1][0]


def test_an_echo_is_named_by_one_stream_and_one_source() -> None:
    (audio,) = split(answer_to(an_offer()))[1]

    assert f"a=msid:{ECHO.stream_id} {ECHO.track_id}" in audio
    assert f"a=ssrc:{ECHO.ssrc} cname:{ECHO.cname}" in audio


def test_only_the_audio_section_names_the_echo() -> None:
    video = sections_of("chromium_156_audio_video")[1]

    assert not any(line.startswith(("a=msid", "a=ssrc")) for line in video)


def test_a_publication_that_is_not_echoed_has_no_stream_of_ours() -> None:
    answer = answer_to(offer_file("ffmpeg_8_1"), echo=None)

    assert "a=msid:" not in answer
    assert "a=ssrc:" not in answer


def test_a_codec_keeps_its_payload_type_parameters_and_feedback() -> None:
    (audio,) = split(answer_to(an_offer(more="a=rtcp-fb:111 nack\na=rtcp-fb:111 ccm fir")))[1]

    assert "a=rtpmap:111 opus/48000/2" in audio
    assert "a=fmtp:111 minptime=10;useinbandfec=1" in audio
    assert audio.index("a=rtcp-fb:111 nack") < audio.index("a=rtcp-fb:111 ccm fir")


@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        ("OPUS/48000/2", "opus/48000/2"),
        ("red/48000/2", "red/48000/2"),
        ("pcmu/8000", "PCMU/8000"),
        ("PCMA/8000/1", "PCMA/8000"),
        ("G722/8000", "G722/8000"),
        ("telephone-event/8000", "telephone-event/8000"),
    ],
)
def test_a_codec_is_named_as_it_is_registered(offered: str, answered: str) -> None:
    answer = answer_to(an_offer(changed={"a=rtpmap": f"a=rtpmap:111 {offered}"}))

    assert f"a=rtpmap:111 {answered}\r\n" in answer


def test_a_codec_without_parameters_gets_no_line_for_them() -> None:
    assert "a=fmtp" not in answer_to(an_offer(without="a=fmtp"))


def test_an_agreed_extension_keeps_its_number() -> None:
    answer = answer_to(an_offer(more="a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid"))

    assert "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" in answer


def test_the_session_has_the_lines_that_sdp_wants_in_its_order() -> None:
    session, _ = split(answer_to(an_offer()))

    assert [line[0] for line in session[:4]] == ["v", "o", "s", "t"]
    assert re.fullmatch(r"o=- \d{1,18} \d+ IN IP4 127\.0\.0\.1", session[1])


def test_two_answers_are_two_sessions() -> None:
    other = IceDescription(IceCredentials("otherUfr", OURS.pwd), ())

    assert split(answer_to(an_offer()))[0][1] != split(answer_to(an_offer(), ice=other))[0][1]


# -- as others read it ----------------------------------------------------------------------


@pytest.mark.parametrize("name", GOOD_OFFERS)
def test_aiortc_reads_what_we_meant(name: str) -> None:
    offer = read_offer(offer_file(name))
    agreement = agree(offer)

    description = SessionDescription.parse(answer_to(offer_file(name)))

    assert description.group[0].items == list(offer.bundle)
    for section, media in zip(agreement.sections, description.media, strict=True):
        assert_reads_as(media, section.direction, section.codecs[0].payload_type)
    assert description.media[0].ice_candidates[0].port == 3478
    assert description.media[0].ice_candidates_complete


def assert_reads_as(media: MediaDescription, direction: str, payload_type: int) -> None:
    """A section of the answer as aiortc has it."""
    assert media.direction == direction
    assert [codec.payloadType for codec in media.rtp.codecs] == [payload_type]
    assert media.rtcp_mux
    assert media.dtls is not None
    assert media.dtls.role == "server"
    assert [f.value for f in media.dtls.fingerprints] == [OUR_FINGERPRINT.value]
    assert media.ice is not None
    assert media.ice.iceLite
    assert (media.ice.usernameFragment, media.ice.password) == (OURS.ufrag, OURS.pwd)


@pytest.mark.parametrize("direction", ["sendrecv", "sendonly"])
@pytest.mark.parametrize("kinds", [("audio",), ("audio", "video"), ("video", "audio")])
async def test_a_real_peer_takes_the_answer_to_its_offer(
    direction: str, kinds: tuple[str, ...]
) -> None:
    client = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for kind in kinds:
        client.addTransceiver(kind, direction=direction)
    await client.setLocalDescription(await client.createOffer())

    answer = answer_to(client.localDescription.sdp.encode(), echo=None)
    await client.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    assert client.signalingState == "stable"
    assert [t.mid for t in client.getTransceivers()] == [str(i) for i in range(len(kinds))]
    await client.close()


# -- whatever was offered -------------------------------------------------------------------


@given(
    name=st.sampled_from(GOOD_OFFERS),
    position=st.integers(0, 10_000),
    octets=st.binary(min_size=1, max_size=3),
)
def test_no_offer_can_put_a_line_of_its_own_into_the_answer(
    name: str, position: int, octets: bytes
) -> None:
    body = bytearray(offer_file(name))
    position %= len(body)
    body[position : position + len(octets)] = octets
    try:
        offer = read_offer(bytes(body))
    except OfferMalformed:
        return

    answer = write_answer(offer, agree(offer), an_ice_description(), [OUR_FINGERPRINT], None)

    session, sections = split(answer)
    assert len(sections) == len(offer.media)
    for line in [*session, *(line for section in sections for line in section)]:
        assert line.splitlines() == [line]
        attribute = re.fullmatch(r"a=([a-z-]+)(:.+)?", line)
        assert attribute is None or attribute[1] in OUR_ATTRIBUTES
        assert attribute or re.fullmatch(r"[vostmc]=.+", line)
