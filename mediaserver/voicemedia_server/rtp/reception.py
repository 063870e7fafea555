"""How well one source arrives: loss and jitter as RFC 3550 counts them (appendix A.1, A.3, A.8).

`receive` runs for every packet, so it keeps to integers. Jitter is kept in RTP units times 16,
as in A.8, so that nothing is lost to rounding.
"""

from __future__ import annotations

from voicemedia_server.rtp.rtcp import ReportBlock

MAX_DROPOUT = 3000
MAX_MISORDER = 100
NS_PER_S = 1_000_000_000


class Reception:
    """One source as we hear it, from its first packet on.

    A jump of more than `MAX_DROPOUT` ahead or `MAX_MISORDER` back is believed when a second
    packet confirms it: the source has restarted its numbers (A.1); what was counted stays.
    """

    __slots__ = (
        "_base",
        "_cycles",
        "_expected_before",
        "_expected_prior",
        "_highest",
        "_jitter_16ths",
        "_last_sender_report",
        "_last_sender_report_ns",
        "_received_prior",
        "_suspect",
        "_transit",
        "clock_hz",
        "out_of_order",
        "received",
        "ssrc",
    )

    def __init__(self, ssrc: int, clock_hz: int) -> None:
        self.ssrc = ssrc
        self.clock_hz = clock_hz
        self.received = 0
        self.out_of_order = 0
        self._base = 0
        self._highest = -1
        self._cycles = 0
        self._suspect = -1
        self._transit = 0
        self._jitter_16ths = 0
        self._expected_before = 0
        self._expected_prior = 0
        self._received_prior = 0
        self._last_sender_report = 0
        self._last_sender_report_ns = 0

    def receive(self, sequence: int, timestamp: int, arrival_ns: int) -> None:
        """Counts one packet; duplicates never come this far, SRTP has dropped them."""
        transit = arrival_ns * self.clock_hz // NS_PER_S - timestamp
        highest = self._highest
        if highest < 0:
            self._begin(sequence, transit)
            return
        ahead = (sequence - highest) & 0xFFFF
        if ahead < MAX_DROPOUT:
            if sequence < highest:
                self._cycles += 0x10000
            self._highest = sequence
        elif ahead <= 0x10000 - MAX_MISORDER:
            if sequence != self._suspect:
                self._suspect = (sequence + 1) & 0xFFFF
                self.received += 1
                self._base -= 1  # it arrived: neither lost nor a sign of others that are
                return
            self._expected_before += self.expected_here
            self._begin(sequence, transit)
            return
        else:
            self.out_of_order += 1
        self.received += 1
        change = (transit - self._transit) & 0xFFFFFFFF
        if change & 0x80000000:
            change = 0x100000000 - change
        self._transit = transit
        jitter = self._jitter_16ths
        self._jitter_16ths = jitter + change - ((jitter + 8) >> 4)

    def _begin(self, sequence: int, transit: int) -> None:
        self.received += 1
        self._base = self._highest = sequence
        self._cycles = 0
        self._suspect = -1
        self._transit = transit

    @property
    def expected_here(self) -> int:
        """Packets expected since the source last restarted its numbers."""
        return self._cycles + self._highest - self._base + 1 if self._highest >= 0 else 0

    @property
    def expected(self) -> int:
        """Packets that the source has sent, as far as its sequence numbers tell."""
        return self._expected_before + self.expected_here

    @property
    def lost(self) -> int:
        """Expected less received (A.3); falls again when late packets come."""
        return self.expected - self.received

    @property
    def highest_extended(self) -> int:
        """The highest sequence number with its count of cycles."""
        return self._cycles + max(0, self._highest)

    @property
    def jitter_units(self) -> int:
        """Interarrival jitter in RTP units."""
        return self._jitter_16ths >> 4

    @property
    def jitter_s(self) -> float:
        """Interarrival jitter in seconds."""
        return self._jitter_16ths / 16 / self.clock_hz

    def sender_report_received(self, ntp_middle: int, arrival_ns: int) -> None:
        """Notes the middle 32 bits of a sender report's NTP time, and when it came."""
        self._last_sender_report = ntp_middle
        self._last_sender_report_ns = arrival_ns

    def report_block(self, now_ns: int) -> ReportBlock:
        """What we tell the source; the fraction counts from the block before (A.3)."""
        expected = self.expected - self._expected_prior
        received = self.received - self._received_prior
        self._expected_prior, self._received_prior = self.expected, self.received
        lost = max(0, expected - received)
        since_ns = now_ns - self._last_sender_report_ns
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=min(255, (lost << 8) // expected) if expected > 0 else 0,
            cumulative_lost=max(-0x800000, min(0x7FFFFF, self.lost)),
            highest_extended=self.highest_extended & 0xFFFFFFFF,
            jitter=self.jitter_units & 0xFFFFFFFF,
            lsr=self._last_sender_report,
            dlsr=(since_ns * 65536 // NS_PER_S) & 0xFFFFFFFF if self._last_sender_report else 0,
        )
