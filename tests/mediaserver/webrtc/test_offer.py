"""Offers of real clients are read, spoilt ones are refused, and nothing else ever happens."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.webrtc.builders import (
    AUDIO_LINES,
    BROKEN_OFFERS,
    GOOD_OFFERS,
    SESSION_LINES,
    THEIRS,
    an_offer,
    offer_file,
    sdp,
)
from voicemedia_server.sessions.offer import (
    Codec,
    Direction,
    Fingerprint,
    HeaderExtension,
    IceCredentials,
    Offer,
)
from voicemedia_server.sessions.refusals import OfferMalformed
from voicemedia_server.webrtc.offer import MAX_FORMATS, MAX_LINES, MAX_SECTIONS, read_offer

OPUS = Codec(111, "opus", 48_000, 2, "minptime=10;useinbandfec=1")
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\na=mid:1\na=sendonly\na=rtpmap:96 VP8/90000"


def refusal(body: bytes) -> str:
    """The sentence with which an offer is refused."""
    with pytest.raises(OfferMalformed) as refused:
        read_offer(body)
    return refused.value.detail


# -- real clients ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOOD_OFFERS)
def test_the_offer_of_a_real_client_is_read(name: str) -> None:
    offer = read_offer(offer_file(name))

    assert [section.kind for section in offer.media].count("audio") == 1
    assert [fingerprint.algorithm for fingerprint in offer.fingerprints] == ["sha-256"]
    assert set(offer.bundle) == {section.mid for section in offer.media}
    assert all(section.is_rtcp_mux and not section.is_rejected for section in offer.media)
    assert all(section.stream_id or "gstreamer" in name for section in offer.media)


@pytest.mark.parametrize("name", GOOD_OFFERS)
def test_every_real_client_offers_opus_in_stereo_form(name: str) -> None:
    audio = next(s for s in read_offer(offer_file(name)).media if s.kind == "audio")

    opus = audio.codecs[0]
    assert (opus.name, opus.clock_hz, opus.channels) == ("opus", 48_000, 2)


@pytest.mark.parametrize("name", [n for n in GOOD_OFFERS if "audio_video" in n])
def test_the_video_of_a_real_client_is_read_beside_its_audio(name: str) -> None:
    video = next(s for s in read_offer(offer_file(name)).media if s.kind == "video")

    assert video.direction is Direction.SENDONLY
    assert video.codecs
    assert all(codec.clock_hz == 90_000 for codec in video.codecs)


@pytest.mark.parametrize(
    ("name", "setup"),
    [
        *((n, "actpass") for n in GOOD_OFFERS if "ffmpeg" not in n),
        ("ffmpeg_8_1", "active"),
        ("ffmpeg_8_1_audio_video", "active"),
        ("ffmpeg_8_1_passive", "passive"),
    ],
)
def test_who_begins_dtls_is_as_the_client_says(name: str, setup: str) -> None:
    assert read_offer(offer_file(name)).setup == setup


def test_an_offer_of_chromium_is_read_to_the_last_codec() -> None:
    offer = read_offer(offer_file("chromium_156"))

    (audio,) = offer.media
    assert (audio.mid, audio.direction) == ("0", Direction.SENDRECV)
    assert audio.profile == "UDP/TLS/RTP/SAVPF"
    assert [(c.payload_type, c.name, c.clock_hz) for c in audio.codecs] == [
        (111, "opus", 48_000),
        (63, "red", 48_000),
        (9, "g722", 8_000),
        (0, "pcmu", 8_000),
        (8, "pcma", 8_000),
        (13, "cn", 8_000),
        (110, "telephone-event", 48_000),
        (126, "telephone-event", 8_000),
    ]
    assert audio.codecs[0].parameters == "minptime=10;useinbandfec=1"
    assert audio.codecs[0].feedback == ("transport-cc",)
    assert audio.codecs[1].parameters == "111/111"
    assert [e.id for e in audio.extensions] == [1, 2, 3, 4]
    assert offer.ice == IceCredentials("dyTW", "8e7OGx7UBFTvTZIKoJ/1cWZo")
    assert offer.ice_options == ("trickle",)


def test_an_offer_of_firefox_has_its_fingerprint_for_the_whole_session() -> None:
    offer = read_offer(offer_file("firefox_153"))

    assert [f.value[:8] for f in offer.fingerprints] == ["8E:3F:E4"]
    (audio,) = offer.media
    assert HeaderExtension(1, AUDIO_LEVEL) in audio.extensions
    assert HeaderExtension(2, "urn:ietf:params:rtp-hdrext:csrc-audio-level") in audio.extensions
    assert audio.stream_id == "{8a034e69-1c5d-41c8-ae3c-36b25afccdfe}"


@pytest.mark.parametrize("name", ["firefox_153_audio_video", "gstreamer_1_22_audio_video"])
def test_a_section_that_is_only_bundled_is_not_a_rejected_one(name: str) -> None:
    second = read_offer(offer_file(name)).media[1]

    assert not second.is_rejected


BROKEN_BY = {
    "chromium_156.broken": "The last line of the SDP has no end; was it cut off?",
    "ffmpeg_8_1.broken": "The SDP has no m= line.",
    "firefox_153.broken": "a=ice-ufrag or a=ice-pwd is missing.",
    "gstreamer_1_22.broken": "The BUNDLE group names a mid that no media section has.",
    "obs_libdatachannel_0_24.broken": "a=fingerprint is missing.",
    "pion_4_2.broken": "A line of the SDP does not follow RFC 8866.",
}


@pytest.mark.parametrize("name", BROKEN_OFFERS)
def test_a_spoilt_offer_is_refused_with_what_is_to_be_mended(name: str) -> None:
    assert refusal(offer_file(name)) == BROKEN_BY[name]


# -- what is read ---------------------------------------------------------------------------


def test_a_small_offer_is_read_whole() -> None:
    offer = read_offer(an_offer())

    (audio,) = offer.media
    assert audio.codecs == (OPUS,)
    assert audio.formats == ("111",)
    assert offer.bundle == ("0",)
    assert offer.ice == THEIRS
    assert offer.setup == "actpass"


def test_lines_may_end_in_a_line_feed_alone() -> None:
    assert read_offer(an_offer().replace(b"\r\n", b"\n")) == read_offer(an_offer())


TRANSPORT_LINES = ("a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup")


@pytest.mark.parametrize("line", [n for n in AUDIO_LINES if n.startswith(TRANSPORT_LINES)])
def test_the_transport_may_be_described_for_the_whole_session(line: str) -> None:
    media = [other for other in AUDIO_LINES if other != line]

    assert read_offer(sdp(*SESSION_LINES, line, *media)) == read_offer(an_offer())


def test_the_transport_is_that_of_the_tagged_section() -> None:
    second = "m=video 9 UDP/TLS/RTP/SAVPF 96\na=mid:1\na=ice-ufrag:other\na=rtpmap:96 VP8/90000"
    offer = read_offer(an_offer(changed={"a=group": "a=group:BUNDLE 0 1"}, more=second))

    assert offer.ice.ufrag == "abcd"


def test_a_section_that_is_only_bundled_needs_no_transport_of_its_own() -> None:
    bundled = VIDEO.replace("video 9", "video 0") + "\na=bundle-only"

    offer = read_offer(an_offer(changed={"a=group": "a=group:BUNDLE 0 1"}, more=bundled))

    assert [section.is_rejected for section in offer.media] == [False, False]


def test_a_section_with_port_nought_is_rejected_by_the_client() -> None:
    offer = read_offer(an_offer(more=VIDEO.replace("video 9", "video 0")))

    assert [section.is_rejected for section in offer.media] == [False, True]


def test_an_offer_without_a_bundle_group_is_read_without_one() -> None:
    assert read_offer(an_offer(without="a=group")).bundle == ()


def test_a_static_payload_type_needs_no_rtpmap() -> None:
    offer = read_offer(an_offer(changed={"m=audio": "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8"}))

    assert Codec(0, "pcmu", 8_000) in offer.media[0].codecs
    assert Codec(8, "pcma", 8_000) in offer.media[0].codecs


def test_a_static_payload_type_is_not_offered_where_the_section_does_not_list_it() -> None:
    assert read_offer(an_offer()).media[0].codecs == (OPUS,)


def test_a_dynamic_payload_type_without_rtpmap_is_a_format_but_no_codec() -> None:
    section = read_offer(an_offer(changed={"m=audio": "m=audio 9 UDP/TLS/RTP/SAVPF 111 98"})).media[
        0
    ]

    assert section.formats == ("111", "98")
    assert section.codecs == (OPUS,)


def test_an_rtpmap_of_a_format_that_is_not_offered_is_no_codec() -> None:
    offer = read_offer(an_offer(more="a=rtpmap:98 opus/48000/2\na=fmtp:98 stereo=1"))

    assert offer.media[0].codecs == (OPUS,)


def test_feedback_is_read_for_one_format_and_for_all() -> None:
    offer = read_offer(an_offer(more="a=rtcp-fb:111 nack\na=rtcp-fb:* transport-cc\na=rtcp-fb:9 x"))

    assert offer.media[0].codecs[0].feedback == ("nack", "transport-cc")


def test_the_name_of_a_codec_is_given_in_lower_case() -> None:
    offer = read_offer(an_offer(changed={"a=rtpmap": "a=rtpmap:111 OPUS/48000/2"}))

    assert offer.media[0].codecs == (OPUS,)


def test_a_fingerprint_is_given_in_one_case() -> None:
    lower = "a=fingerprint:SHA-256 " + ":".join(["cd"] * 32)

    offer = read_offer(an_offer(changed={"a=fingerprint": lower}))

    assert offer.fingerprints == (Fingerprint("sha-256", ":".join(["CD"] * 32)),)


def test_every_fingerprint_is_kept() -> None:
    offer = read_offer(an_offer(more="a=fingerprint:sha-512 " + ":".join(["EF"] * 64)))

    assert [f.algorithm for f in offer.fingerprints] == ["sha-256", "sha-512"]


def test_an_extension_with_direction_and_attributes_is_its_number_and_name() -> None:
    offer = read_offer(an_offer(more=f"a=extmap:2/recvonly {AUDIO_LEVEL} vad=on"))

    assert offer.media[0].extensions == (HeaderExtension(2, AUDIO_LEVEL),)


@pytest.mark.parametrize("number", [-1, 0, 256, 4096])
def test_an_extension_whose_number_fits_no_packet_is_passed_over(number: int) -> None:
    assert read_offer(an_offer(more=f"a=extmap:{number} {AUDIO_LEVEL}")).media[0].extensions == ()


@pytest.mark.parametrize("direction", Direction)
def test_every_direction_is_read(direction: Direction) -> None:
    offer = read_offer(an_offer(changed={"a=sendrecv": f"a={direction}"}))

    assert offer.media[0].direction is direction


def test_a_section_without_a_direction_goes_both_ways() -> None:
    assert read_offer(an_offer(without="a=sendrecv")).media[0].direction is Direction.SENDRECV


def test_a_section_without_rtcp_mux_says_so() -> None:
    assert not read_offer(an_offer(without="a=rtcp-mux")).media[0].is_rtcp_mux


@pytest.mark.parametrize(
    "line",
    [
        "a=candidate:1 1 udp 1 192.0.2.10 5000 typ host",
        "a=candidate:this is no candidate",
        "a=ssrc:no number",
        "a=rtcp:not a port",
        "a=sctp-port:many",
        "a=rid:1 send",
        "a=simulcast:send 1",
        "a=extmap-allow-mixed",
        "a=",
        "a=:",
        "a=x-unheard-of:\u2603",
        "b=AS:64",
        "i=a talk",
        "k=prompt",
        "z=0 0",
    ],
)
def test_a_line_that_we_have_no_use_for_never_spoils_an_offer(line: str) -> None:
    assert read_offer(an_offer(more=line)) == read_offer(an_offer())


def test_a_data_channel_is_a_section_like_any_other() -> None:
    channel = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:1\na=sctp-port:5000"

    section = read_offer(an_offer(more=channel)).media[1]

    assert (section.kind, section.formats, section.codecs) == (
        "application",
        ("webrtc-datachannel",),
        (),
    )


# -- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The body does not begin with v=0, as SDP must."),
        (b"hello", "The body does not begin with v=0, as SDP must."),
        (b'{"type": "offer"}', "The body does not begin with v=0, as SDP must."),
        (b"\xff\xfe" + an_offer(), "The SDP is not UTF-8 text."),
        (an_offer() + b"a=\0\r\n", "The SDP holds a control character."),
        (an_offer()[:-2], "The last line of the SDP has no end; was it cut off?"),
        (an_offer() + b"nonsense\r\n", "Each line of SDP is one letter, '=' and a value."),
        (an_offer() + b" a=mid:1\r\n", "Each line of SDP is one letter, '=' and a value."),
        (b"v=0\r\n", "The SDP has no o= line."),
        (an_offer(without="o="), "The SDP has no o= line."),
        (an_offer(without="s="), "The SDP has no s= line."),
        (an_offer(without="t="), "The SDP has no t= line."),
        (sdp(*SESSION_LINES), "The SDP has no m= line."),
        (an_offer(without="a=ice-ufrag"), "a=ice-ufrag or a=ice-pwd is missing."),
        (an_offer(without="a=ice-pwd"), "a=ice-ufrag or a=ice-pwd is missing."),
        (an_offer(without="a=setup"), "a=setup is missing."),
        (an_offer(without="a=fingerprint"), "a=fingerprint is missing."),
        (an_offer(more=VIDEO.replace("mid:1", "mid:0")), "A mid stands twice in the SDP."),
        (
            an_offer(changed={"a=group": "a=group:BUNDLE 0 0"}),
            "A mid stands twice in the SDP.",
        ),
        (
            an_offer(changed={"a=group": "a=group:BUNDLE 0 7"}),
            "The BUNDLE group names a mid that no media section has.",
        ),
        (
            an_offer(changed={"a=fingerprint": "a=fingerprint:sha-256 not:hex"}),
            "a=fingerprint is not hexadecimal octets with colons.",
        ),
        (
            an_offer(changed={"a=ice-pwd": "a=ice-pwd:short"}),
            "a=ice-ufrag has 4 to 256 ice-chars, a=ice-pwd 22 to 256.",
        ),
    ],
)
def test_an_offer_is_refused_with_a_sentence_that_names_the_fault(
    body: bytes, sentence: str
) -> None:
    assert refusal(body) == sentence


@pytest.mark.parametrize(
    "line",
    [
        "m=audio nine UDP/TLS/RTP/SAVPF 111",
        "m=audio 9 UDP/TLS/RTP/SAVPF",
        "m=audio 9 UDP/TLS/RTP/SAVPF opus",
        "m=audio 9 UDP/TLS/RTP/SAVPF 72",
        "m=audio",
        "m=rtpmap:111 opus/48000/2",
        "m=",
    ],
)
def test_a_media_line_that_is_none_is_refused(line: str) -> None:
    assert refusal(an_offer(changed={"m=audio": line}))


@pytest.mark.parametrize(
    "line",
    [
        "a=rtpmap:111",
        "a=rtpmap:111 opus",
        "a=rtpmap:111 opus/fast",
        "a=rtpmap:111 opus/0/2",
        "a=rtpmap:111 opus/-48000/2",
        "a=rtpmap:111 opus/48000/0",
        "a=rtpmap:111 opus/48000/-2",
    ],
)
def test_a_codec_that_cannot_be_is_refused(line: str) -> None:
    assert refusal(an_offer(changed={"a=rtpmap": line}))


def test_a_payload_type_of_more_than_seven_bits_is_refused() -> None:
    lines = {"m=audio": "m=audio 9 UDP/TLS/RTP/SAVPF 200", "a=rtpmap": "a=rtpmap:200 opus/48000/2"}

    assert "payload type" in refusal(an_offer(without="a=fmtp", changed=lines))


@pytest.mark.parametrize("setup", ["", "holdconn", "both", "ACTPASS"])
def test_a_setup_that_is_none_is_refused(setup: str) -> None:
    assert refusal(an_offer(changed={"a=setup": f"a=setup:{setup}"}))


@pytest.mark.parametrize(
    "hidden", ["\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\0", "\x7f"]
)
def test_nobody_can_hide_a_line_inside_a_line(hidden: str) -> None:
    smuggled = f"a=mid:0{hidden}m=video 9 UDP/TLS/RTP/SAVPF 96"

    assert refusal(an_offer(changed={"a=mid": smuggled})) == "The SDP holds a control character."


def test_too_many_lines_are_refused() -> None:
    assert "lines" in refusal(an_offer(more="a=x\n" * MAX_LINES))


def test_too_many_sections_are_refused() -> None:
    assert "media sections" in refusal(an_offer(more="m=audio 9 X 1\n" * MAX_SECTIONS))


def test_too_many_formats_are_refused() -> None:
    formats = " ".join(["111"] * (MAX_FORMATS + 1))

    assert "formats" in refusal(
        an_offer(changed={"m=audio": f"m=audio 9 UDP/TLS/RTP/SAVPF {formats}"})
    )


@pytest.mark.parametrize(
    "more",
    [
        "a=rtpmap:111 a/1\n" * 1900 + "a=rtcp-fb:* a\n" * 1900,
        "a=rtpmap:111 a/1\n" * 1900 + "a=rtcp-fb:111 a\n" * 1800,
        "a=rtpmap:1 a/1\n" * 1900 + "a=fmtp:111 a\n" * 1900,
        "a=extmap:1 a\n" * 3900,
        "m=audio 9 A 1\n" * 30 + "a=fingerprint:a b\n" * 3000,
    ],
    ids=["feedback for all", "feedback for one", "parameters", "extensions", "sections"],
)
def test_a_hostile_offer_of_the_largest_size_costs_no_more_than_a_moment(more: str) -> None:
    body = an_offer(more=more)
    assert len(body) < 64 * 1024
    began_s = time.process_time()

    with contextlib.suppress(OfferMalformed):
        read_offer(body)

    assert time.process_time() - began_s < 0.5  # it took 10 s before the lines were counted


# -- whatever comes -------------------------------------------------------------------------


def read_or_refuse(body: bytes) -> Offer | None:
    """Reads an offer, or is told that it is none; any other exception fails the test."""
    try:
        offer = read_offer(body)
    except OfferMalformed:
        return None
    assert offer.media
    assert set(offer.bundle) <= {section.mid for section in offer.media}
    for section in offer.media:
        for codec in section.codecs:
            assert 0 <= codec.payload_type <= 127
            assert codec.clock_hz > 0
            assert codec.channels > 0
        assert all(0 < extension.id < 256 for extension in section.extensions)
    return offer


@given(st.binary(max_size=2000))
def test_any_bytes_are_an_offer_or_refused(body: bytes) -> None:
    read_or_refuse(body)


@given(st.lists(st.sampled_from([*SESSION_LINES, *AUDIO_LINES, *VIDEO.split("\n")]), max_size=30))
def test_good_lines_in_any_order_are_an_offer_or_refused(lines: list[str]) -> None:
    read_or_refuse(sdp(*lines))
    read_or_refuse(sdp("v=0", *lines))


@given(line=st.text(max_size=80), position=st.integers(1, 16))
def test_any_line_in_an_offer_is_read_passed_over_or_refused(line: str, position: int) -> None:
    lines = [*SESSION_LINES, *AUDIO_LINES]
    for begin in ("", "a=", "a=rtpmap:111 ", "a=fmtp:111 ", "m=audio 9 ", "a=extmap:", "a=group:"):
        spoilt = [*lines[:position], begin + line, *lines[position:]]
        read_or_refuse("".join(f"{one}\r\n" for one in spoilt).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", GOOD_OFFERS)
def test_a_real_offer_without_any_one_of_its_lines_is_an_offer_or_refused(name: str) -> None:
    lines = offer_file(name).splitlines(keepends=True)

    for left_out in range(len(lines)):
        read_or_refuse(b"".join(lines[:left_out] + lines[left_out + 1 :]))


@pytest.mark.parametrize("name", GOOD_OFFERS)
def test_a_real_offer_with_any_one_line_twice_is_an_offer_or_refused(name: str) -> None:
    lines = offer_file(name).splitlines(keepends=True)

    for twice in range(len(lines)):
        read_or_refuse(b"".join(lines[: twice + 1] + lines[twice:]))


@pytest.mark.parametrize("name", [n for n in GOOD_OFFERS if "audio_video" not in n])
def test_a_real_offer_cut_off_anywhere_is_refused_or_still_an_offer(name: str) -> None:
    body = offer_file(name)

    offers = [read_or_refuse(body[:length]) for length in range(len(body))]

    assert offers[0] is None
    assert not any(
        offer
        for offer, cut in zip(offers, range(len(body)), strict=True)
        if body[:cut] and not body[:cut].endswith(b"\n")
    )


@given(
    name=st.sampled_from(GOOD_OFFERS),
    position=st.integers(0, 10_000),
    octets=st.binary(min_size=1, max_size=3),
)
def test_a_real_offer_with_other_bytes_anywhere_is_an_offer_or_refused(
    name: str, position: int, octets: bytes
) -> None:
    body = bytearray(offer_file(name))
    position %= len(body)
    body[position : position + len(octets)] = octets

    read_or_refuse(bytes(body))
