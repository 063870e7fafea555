"""RTCP to a peer and from it; what we write is read back by aiortc's parser."""

from __future__ import annotations

from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSrPacket,
)
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.relay.builders import (
    LISTENER,
    NOW,
    OTHER_SPEAKER,
    SPEAKER,
    a_flowing_subscription,
    a_publication,
    a_subscription,
)
from voicemedia_server.relay.publication import Publication
from voicemedia_server.relay.reports import RECENTLY_NS, Now, Wanted, compose, take
from voicemedia_server.relay.subscription import Subscription
from voicemedia_server.rtp import rtcp

FALLBACK = (0xFA11BACC, "nobody")
NTP_OF_NOW = (1_800_000_000 + 2_208_988_800) << 32 | 1 << 30  # NOW is a quarter past a second
MIDDLE_OF_NOW = NTP_OF_NOW >> 16 & 0xFFFFFFFF


def composed(
    publication: Publication, *subscriptions: Subscription, now: Now = NOW, leaving: bool = False
) -> list[object]:
    """The packets of the report that is due now."""
    data = compose(publication, subscriptions, now, fallback=FALLBACK, leaving=leaving)
    return list(RtcpPacket.parse(data))


def a_block(ssrc: int = LISTENER, *, lsr: int = 0, dlsr: int = 0) -> rtcp.ReportBlock:
    """A receiver tells: a quarter was lost since the last time, 12 in all, jitter 480 units."""
    return rtcp.ReportBlock(ssrc, 64, 12, 0x1_0005, 480, lsr, dlsr)


# -- what we tell ---------------------------------------------------------------------------


def test_a_stream_that_flows_is_told_of_by_a_sender_report() -> None:
    report, _ = composed(a_publication(), a_flowing_subscription(sent=3))

    assert isinstance(report, RtcpSrPacket)
    assert report.ssrc == LISTENER
    assert report.sender_info.packet_count == 3
    assert report.sender_info.octet_count == 3 * 80


def test_a_sender_report_ties_the_time_of_day_to_the_time_of_the_stream() -> None:
    report, _ = composed(a_publication(), a_flowing_subscription(sent=1))

    assert isinstance(report, RtcpSrPacket)
    assert report.sender_info.ntp_timestamp == NTP_OF_NOW
    assert report.sender_info.rtp_timestamp == 160_000 + 960  # sent 20 ms ago


def test_a_stream_that_has_not_begun_is_told_of_by_a_receiver_report() -> None:
    report, _ = composed(a_publication(), a_subscription())

    assert isinstance(report, RtcpRrPacket)
    assert report.ssrc == LISTENER


def test_a_stream_that_stopped_is_told_of_by_a_receiver_report() -> None:
    later = Now(NOW.monotonic_ns + RECENTLY_NS, NOW.unix_ns + RECENTLY_NS)

    report, _ = composed(a_publication(), a_flowing_subscription(), now=later)

    assert isinstance(report, RtcpRrPacket)


def test_a_peer_that_hears_nobody_gets_a_receiver_report_under_the_fallback_name() -> None:
    report, description = composed(a_publication(heard=2))

    assert isinstance(report, RtcpRrPacket)
    assert report.ssrc == FALLBACK[0]
    assert isinstance(description, RtcpSdesPacket)
    assert [(c.ssrc, c.items) for c in description.chunks] == [
        (FALLBACK[0], [(1, FALLBACK[1].encode())])
    ]


def test_how_the_speaker_arrives_stands_in_the_report() -> None:
    publication = a_publication(heard=4)
    assert publication.reception is not None
    publication.reception.receive(1007, 7 * 960, 7 * 20_000_000)  # 1004 to 1006 are lost

    report, _ = composed(publication)

    assert isinstance(report, RtcpRrPacket)
    (block,) = report.reports
    assert block.ssrc == SPEAKER
    assert block.packets_lost == 3
    assert block.fraction_lost == 3 * 256 // 8
    assert block.highest_sequence == 1007
    assert block.jitter == 0


def test_a_report_says_nothing_of_a_speaker_that_was_never_heard() -> None:
    report, _ = composed(a_publication(heard=0))

    assert isinstance(report, RtcpRrPacket)
    assert report.reports == []


def test_how_the_speaker_arrives_is_told_once_to_a_peer_with_two_streams() -> None:
    first, second = a_flowing_subscription(), a_flowing_subscription()
    second.ssrc = LISTENER + 1

    one, two, _ = composed(a_publication(heard=2), first, second)

    assert isinstance(one, RtcpSrPacket)
    assert isinstance(two, RtcpSrPacket)
    assert (len(one.reports), len(two.reports)) == (1, 0)


def test_every_stream_of_a_peer_is_named() -> None:
    first, second = a_flowing_subscription(), a_subscription()
    second.ssrc = LISTENER + 1

    *_, description = composed(a_publication(), first, second)

    assert isinstance(description, RtcpSdesPacket)
    assert [c.ssrc for c in description.chunks] == [LISTENER, LISTENER + 1]


def test_a_stream_that_leaves_says_bye_last() -> None:
    *_, bye = composed(a_publication(), a_flowing_subscription(), leaving=True)

    assert isinstance(bye, RtcpByePacket)
    assert bye.sources == [LISTENER]


def test_nobody_says_bye_who_stays() -> None:
    packets = composed(a_publication(heard=1), a_flowing_subscription())

    assert not any(isinstance(packet, RtcpByePacket) for packet in packets)


def test_the_time_since_the_speakers_own_report_goes_back_to_it() -> None:
    publication = a_publication(heard=1)
    half_a_second_ago = Now(NOW.monotonic_ns - 500_000_000, NOW.unix_ns - 500_000_000)
    theirs = rtcp.SenderReport(SPEAKER, 0x1234_5678_9ABC_DEF0, 0, 1, 1)
    take([theirs], publication, [], half_a_second_ago)

    report, _ = composed(publication)

    assert isinstance(report, RtcpRrPacket)
    (block,) = report.reports
    assert block.lsr == 0x5678_9ABC
    assert block.dlsr == 65536 // 2


def test_a_report_of_another_source_than_the_one_heard_is_not_referred_to() -> None:
    publication = a_publication(heard=1)
    take([rtcp.SenderReport(OTHER_SPEAKER, 1 << 40, 0, 1, 1)], publication, [], NOW)

    report, _ = composed(publication)

    assert isinstance(report, RtcpRrPacket)
    assert report.reports[0].lsr == 0


def test_counters_past_32_bits_wrap_as_they_do_on_the_wire() -> None:
    subscription = a_flowing_subscription()
    subscription.packets_sent = (1 << 32) + 5
    subscription.bytes_sent = (1 << 32) + 6

    report, _ = composed(a_publication(), subscription)

    assert isinstance(report, RtcpSrPacket)
    assert (report.sender_info.packet_count, report.sender_info.octet_count) == (5, 6)


# -- what we are told -----------------------------------------------------------------------


def test_a_listeners_figures_are_kept() -> None:
    subscription = a_subscription()

    take([rtcp.ReceiverReport(1, (a_block(),))], a_publication(), [subscription], NOW)

    assert subscription.remote_cumulative_lost == 12
    assert subscription.remote_fraction_lost == 0.25
    assert subscription.remote_jitter_units == 480


def test_a_listener_that_speaks_too_tells_the_same_in_its_sender_report() -> None:
    subscription = a_subscription()
    report = rtcp.SenderReport(SPEAKER, 0, 0, 1, 1, (a_block(),))

    take([report], a_publication(heard=1), [subscription], NOW)

    assert subscription.remote_cumulative_lost == 12


def test_the_round_trip_is_now_less_the_report_less_the_time_it_lay_there() -> None:
    subscription = a_subscription()
    lsr, dlsr = MIDDLE_OF_NOW - 65536, 65536 * 3 // 4  # sent 1 s ago, held for 750 ms

    block = a_block(lsr=lsr, dlsr=dlsr)
    take([rtcp.ReceiverReport(1, (block,))], a_publication(), [subscription], NOW)

    assert subscription.round_trip_s == 0.25


def test_a_block_that_refers_to_no_report_leaves_the_round_trip_alone() -> None:
    subscription = a_subscription()
    subscription.round_trip_s = 0.125

    take([rtcp.ReceiverReport(1, (a_block(lsr=0),))], a_publication(), [subscription], NOW)

    assert subscription.round_trip_s == 0.125


def test_a_block_of_a_stream_that_is_not_this_peers_is_passed_over() -> None:
    subscription = a_subscription()

    block = a_block(ssrc=LISTENER + 1)
    take([rtcp.ReceiverReport(1, (block,))], a_publication(), [subscription], NOW)

    assert subscription.remote_cumulative_lost is None


def test_a_nack_names_the_stream_and_the_packets_that_are_wanted() -> None:
    subscription = a_subscription(answers_nack=True)

    nack = rtcp.GenericNack(1, LISTENER, (5, 6, 9))
    wanted = take([nack], a_publication(), [subscription], NOW)

    assert wanted == [Wanted(subscription, s) for s in (5, 6, 9)]
    assert subscription.nacks_received == 1


def test_a_nack_for_a_stream_that_is_not_this_peers_wants_nothing() -> None:
    subscription = a_subscription(answers_nack=True)

    nack = rtcp.GenericNack(1, LISTENER + 1, (5,))

    assert take([nack], a_publication(), [subscription], NOW) == []
    assert subscription.nacks_received == 0


def test_a_bye_of_the_source_that_is_heard_is_noted() -> None:
    publication = a_publication(heard=1)

    take([rtcp.Bye((OTHER_SPEAKER, SPEAKER))], publication, [], NOW)

    assert publication.has_said_bye


def test_a_bye_of_a_source_that_is_not_heard_says_nothing() -> None:
    publication = a_publication(heard=1)

    take([rtcp.Bye((OTHER_SPEAKER,))], publication, [], NOW)

    assert not publication.has_said_bye


def test_names_and_unknown_packets_change_nothing() -> None:
    publication, subscription = a_publication(heard=1), a_subscription()
    packets: list[rtcp.RtcpPacket] = [
        rtcp.SourceDescription(((SPEAKER, "me"),)),
        rtcp.UnknownReport(207, 0, bytes(8)),
    ]

    assert take(packets, publication, [subscription], NOW) == []
    assert subscription.remote_cumulative_lost is None


@given(st.binary(max_size=200))
def test_whatever_can_be_read_can_be_taken(data: bytes) -> None:
    try:
        packets = rtcp.parse_compound(b"\x80\xc9\0\1\0\0\0\1" + data)
    except rtcp.RtcpMalformed:
        return

    wanted = take(packets, a_publication(heard=1), [a_subscription(answers_nack=True)], NOW)

    assert all(0 <= w.sequence <= 0xFFFF for w in wanted)
