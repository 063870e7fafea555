"""RTCP for one peer: what we tell it, and what its reports tell us. Pure (RFC 3550 section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from voicemedia_server.relay.publication import Publication
from voicemedia_server.relay.subscription import NS_PER_S, Subscription
from voicemedia_server.rtp import rtcp
from voicemedia_server.rtp.clock import ntp_from_unix_ns, ntp_middle, round_trip_s

RECENTLY_NS = 10 * NS_PER_S
"""A stream that sent within two report intervals gets a sender report (RFC 3550 6.4)."""


@dataclass(frozen=True, slots=True)
class Now:
    """One moment on both clocks."""

    monotonic_ns: int
    unix_ns: int


def compose(
    publication: Publication,
    subscriptions: Sequence[Subscription],
    now: Now,
    *,
    fallback: tuple[int, str],
    leaving: bool = False,
) -> bytes:
    """A compound packet: a sender report for each stream that flows, else a receiver report.

    `fallback` is the SSRC and CNAME under which a peer without subscriptions is reported to.
    """
    blocks: tuple[rtcp.ReportBlock, ...] = ()
    if publication.reception is not None and publication.reception.received:
        blocks = (publication.reception.report_block(now.monotonic_ns),)
    flowing = [
        s
        for s in subscriptions
        if s.packets_sent and now.monotonic_ns - s.last_sent_ns < RECENTLY_NS
    ]
    packets: list[rtcp.RtcpPacket] = []
    for position, subscription in enumerate(flowing):
        elapsed_ns = now.monotonic_ns - subscription.last_sent_ns
        elapsed_units = elapsed_ns * subscription.clock_hz // NS_PER_S
        packets.append(
            rtcp.SenderReport(
                ssrc=subscription.ssrc,
                ntp=ntp_from_unix_ns(now.unix_ns),
                rtp_timestamp=(subscription.last_timestamp + elapsed_units) & 0xFFFFFFFF,
                packet_count=subscription.packets_sent & 0xFFFFFFFF,
                octet_count=subscription.bytes_sent & 0xFFFFFFFF,
                blocks=blocks if position == 0 else (),
            )
        )
    names = tuple((s.ssrc, s.cname) for s in subscriptions) or (fallback,)
    if not packets:
        packets.append(rtcp.ReceiverReport(ssrc=names[0][0], blocks=blocks))
    packets.append(rtcp.SourceDescription(chunks=names))
    if leaving:
        packets.append(rtcp.Bye(sources=tuple(ssrc for ssrc, _ in names), reason=""))
    return rtcp.build_compound(*packets)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A sequence number that the listener of this subscription asks for again."""

    subscription: Subscription
    sequence: int


def take(
    packets: Iterable[rtcp.RtcpPacket],
    publication: Publication,
    subscriptions: Sequence[Subscription],
    now: Now,
) -> list[Wanted]:
    """Takes a peer's reports into its publication and subscriptions; returns what it lacks."""
    wanted: list[Wanted] = []
    by_ssrc = {s.ssrc: s for s in subscriptions}
    for packet in packets:
        match packet:
            case rtcp.SenderReport():
                _take_sender_report(packet, publication, now)
                _take_blocks(packet.blocks, by_ssrc, now)
            case rtcp.ReceiverReport():
                _take_blocks(packet.blocks, by_ssrc, now)
            case rtcp.GenericNack():
                subscription = by_ssrc.get(packet.media_ssrc)
                if subscription is not None:
                    subscription.nacks_received += 1
                    wanted += [Wanted(subscription, sequence) for sequence in packet.lost]
            case rtcp.Bye():
                if publication.ssrc in packet.sources:
                    publication.has_said_bye = True
            case _:
                pass  # descriptions and unknown reports tell us nothing
    return wanted


def _take_sender_report(report: rtcp.SenderReport, publication: Publication, now: Now) -> None:
    reception = publication.reception
    if reception is not None and report.ssrc == publication.ssrc:
        reception.sender_report_received(ntp_middle(report.ntp), now.monotonic_ns)


def _take_blocks(
    blocks: Iterable[rtcp.ReportBlock], by_ssrc: dict[int, Subscription], now: Now
) -> None:
    for block in blocks:
        subscription = by_ssrc.get(block.ssrc)
        if subscription is None:
            continue
        subscription.remote_cumulative_lost = block.cumulative_lost
        subscription.remote_fraction_lost = block.fraction_lost / 256
        subscription.remote_jitter_units = block.jitter
        ours = ntp_middle(ntp_from_unix_ns(now.unix_ns))
        measured_s = round_trip_s(ours, block.lsr, block.dlsr)
        if measured_s is not None:
            subscription.round_trip_s = measured_s
