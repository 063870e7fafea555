"""RTCP of the peers: opened and answered, composed and sealed, and when the next report is due."""

from __future__ import annotations

import heapq
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from voicemedia_server.packets import srtp
from voicemedia_server.packets.datagrams import Slot
from voicemedia_server.packets.peer_end import PeerEnd
from voicemedia_server.ports import PeerId
from voicemedia_server.relay import reports
from voicemedia_server.relay.drops import DropReason
from voicemedia_server.rtp import rtcp
from voicemedia_server.rtp.clock import report_interval_s

NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class Taken:
    """What came of one compound: sealed packets to send again, and what was dropped."""

    resent: list[bytes] = field(default_factory=list)
    drops: list[DropReason] = field(default_factory=list)


def take(end: PeerEnd, slot: Slot, length_p: Any) -> Taken:
    """Opens a compound in place and takes what it says. `length_p` is a pointer to use."""
    if end.inbound is None:
        return Taken(drops=[DropReason.RTCP_BEFORE_KEYS])
    length_p[0] = slot.length
    status = srtp.unprotect_rtcp(end.inbound, slot.buffer, length_p)
    if status != srtp.OK:
        is_malformed = status in srtp.MALFORMED_STATUSES
        reason = DropReason.RTCP_MALFORMED if is_malformed else DropReason.RTCP_UNAUTHENTICATED
        return Taken(drops=[reason])
    compound = slot.view[: length_p[0]]
    ssrc = int.from_bytes(compound[4:8], "big")
    if not end.publication.admits_source(ssrc):
        assert end.inbound_end is not None, "only opened packets come this far"
        end.inbound_end.forget_stream(ssrc)
        return Taken(drops=[DropReason.RTP_SSRC_FLOOD])
    try:
        packets = rtcp.parse_compound(compound)
    except rtcp.RtcpMalformed:
        return Taken(drops=[DropReason.RTCP_MALFORMED])
    taken = Taken()
    for wanted in reports.take(packets, end.publication, end.subscriptions, read_clocks()):
        _find_again(wanted, taken)
    return taken


def _find_again(wanted: reports.Wanted, taken: Taken) -> None:
    history = wanted.subscription.history
    if history is None:
        taken.drops.append(DropReason.NACK_REFUSED)
        return
    refused = history.refused
    sealed = history.find(wanted.sequence)
    if sealed is not None:
        wanted.subscription.packets_resent += 1
        taken.resent.append(sealed)
    elif history.refused > refused:
        taken.drops.append(DropReason.NACK_REFUSED)
    else:
        taken.drops.append(DropReason.NACK_MISSED)


def seal_report(end: PeerEnd, slot: Slot, length_p: Any, *, leaving: bool = False) -> bool:
    """Writes and seals this peer's next report into the slot; False where libsrtp refuses."""
    slot.fill(
        reports.compose(
            end.publication,
            end.subscriptions,
            read_clocks(),
            fallback=(end.report_ssrc, end.report_cname),
            leaving=leaving,
        )
    )
    length_p[0] = slot.length
    if srtp.protect_rtcp(end.outbound, slot.buffer, length_p) != srtp.OK:
        return False
    slot.length = length_p[0]
    return True


class ReportSchedule:
    """When each peer's next report is due (RFC 3550 section 6.2)."""

    def __init__(self) -> None:
        self._due: list[tuple[int, PeerId]] = []

    def add(self, peer_id: PeerId, *, is_first: bool = False) -> None:
        """Draws the time of the next one."""
        interval_s = report_interval_s(
            random_unit=secrets.randbelow(1000) / 1000, is_first=is_first
        )
        heapq.heappush(self._due, (time.monotonic_ns() + int(interval_s * NS_PER_S), peer_id))

    def due(self, now_ns: int) -> Iterator[PeerId]:
        """Takes out those that are due, removed peers too."""
        while self._due and self._due[0][0] <= now_ns:
            yield heapq.heappop(self._due)[1]


def read_clocks() -> reports.Now:
    """This moment on both clocks."""
    return reports.Now(monotonic_ns=time.monotonic_ns(), unix_ns=time.time_ns())
