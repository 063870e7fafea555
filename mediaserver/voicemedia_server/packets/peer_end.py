"""What the plane keeps for one peer: keys, paths, its publication and what it listens to."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from typing import Any

from voicemedia_server.packets.srtp import SrtpEnd
from voicemedia_server.ports import ListenerReception, MediaStats, PathKey, PeerId, Sink, Tap
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.relay.publication import Publication
from voicemedia_server.relay.subscription import Subscription

MAX_PATHS = 8
"""Addresses that one peer may have bound at a time; an honest client checks a handful."""


class Listener:
    """A subscription and the peer that it is sent to."""

    __slots__ = ("end", "subscription")

    def __init__(self, subscription: Subscription, end: PeerEnd) -> None:
        self.subscription = subscription
        self.end = end


class PeerEnd:
    """One peer in the plane. `destination` is the selected path as the socket takes it.

    `inbound` and `outbound` are libsrtp contexts (or `None` before DTLS is done), taken out of
    the `SrtpEnd`s that own them, since the packet path reads them for each packet. `sink` takes
    the packets of a peer whose edge carries them in the clear.
    """

    __slots__ = (
        "destination",
        "drops",
        "hears",
        "id",
        "inbound",
        "inbound_end",
        "is_held",
        "is_selected_tcp",
        "last_media_ns",
        "listeners",
        "outbound",
        "outbound_end",
        "paths",
        "publication",
        "reception",
        "report_cname",
        "report_ssrc",
        "selected",
        "sink",
        "taps",
    )

    def __init__(self, peer_id: PeerId, report_ssrc: int, report_cname: str) -> None:
        self.id = peer_id
        self.publication = Publication()
        self.listeners: list[Listener] = []
        self.hears: list[tuple[PeerEnd, Listener]] = []
        self.paths: dict[PathKey, None] = {}
        self.selected: PathKey | None = None
        self.destination: Any = None
        self.is_selected_tcp = False
        self.inbound: Any = None
        self.outbound: Any = None
        self.inbound_end: SrtpEnd | None = None
        self.outbound_end: SrtpEnd | None = None
        self.last_media_ns: int | None = None
        self.drops: Counter[DropReason] = Counter()
        self.taps: list[Tap] = []
        self.sink: Sink | None = None
        self.reception = ListenerReception()
        self.is_held = False
        self.report_ssrc = report_ssrc
        self.report_cname = report_cname

    @property
    def subscriptions(self) -> list[Subscription]:
        """What this peer listens to."""
        return [listener.subscription for _, listener in self.hears]

    def note_reception(self, reception: ListenerReception) -> None:
        """How this peer hears us; `None` leaves what was known."""
        known = {name: value for name, value in asdict(reception).items() if value is not None}
        self.reception = replace(self.reception, **known)
        for subscription in self.subscriptions:
            subscription.note_reception(
                reception.round_trip_s, reception.packets_lost, reception.jitter_s
            )


def media_stats(end: PeerEnd) -> MediaStats:
    """A peer's integers as a document. With several subscriptions the sent counts are summed
    and the remote figures are those of the first that has any."""
    publication, reception = end.publication, end.publication.reception
    subscriptions = end.subscriptions
    heard = next((s for s in subscriptions if s.remote_jitter_units is not None), None)
    round_trips_s = [s.round_trip_s for s in subscriptions if s.round_trip_s is not None]
    remote_jitter_s = None
    if heard is not None and heard.remote_jitter_units is not None and heard.clock_hz:
        remote_jitter_s = heard.remote_jitter_units / heard.clock_hz
    return MediaStats(
        packets_received=publication.packets_received,
        bytes_received=publication.bytes_received,
        packets_lost=publication.packets_lost,
        packets_out_of_order=publication.packets_out_of_order,
        jitter_s=reception.jitter_s if reception is not None else 0.0,
        packets_sent=sum(s.packets_sent for s in subscriptions),
        bytes_sent=sum(s.bytes_sent for s in subscriptions),
        packets_resent=sum(s.packets_resent for s in subscriptions),
        nacks_received=sum(s.nacks_received for s in subscriptions),
        round_trip_s=round_trips_s[0] if round_trips_s else None,
        remote_packets_lost=heard.remote_cumulative_lost if heard is not None else None,
        remote_fraction_lost=heard.remote_fraction_lost if heard is not None else None,
        remote_jitter_s=remote_jitter_s,
        playout_s=end.reception.playout_s,
        remote_buffered_s=end.reception.buffered_s,
        remote_underruns=end.reception.underruns,
        last_media_ns=end.last_media_ns,
        has_said_bye=publication.has_said_bye,
        drops=dict(end.drops),
    )
