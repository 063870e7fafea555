"""How well one source arrives: loss and jitter as RFC 3550 counts them (appendix A.1, A.3, A.8).

`receive` runs for every packet, so the usual packet (the next number, the usual step in time)
costs two subtractions and a comparison each for loss and for jitter. Two things make that
possible: `received` is not counted but follows from what was expected and lost, and jitter is
kept in nanoseconds (times 16, as in A.8, so that nothing is lost to rounding), so that an
arrival time is never converted; only a new step of the timestamp is.
"""

from __future__ import annotations

from voicemedia_server.rtp.rtcp import ReportBlock

MAX_DROPOUT = 3000
MAX_MISORDER = 100
NS_PER_S = 1_000_000_000
MAX_TRANSIT_CHANGE_NS = 5 * NS_PER_S
"""A larger change is a new clock or a pause at the source: no jitter."""
MAX_DLSR_S = 0xFFFF
"""An older sender report is not referred to: its middle 32 bits have come round."""


class Reception:
    """One source as we hear it, from its first packet on.

    A jump of more than `MAX_DROPOUT` ahead or `MAX_MISORDER` back is believed when a second
    packet confirms it: the source has restarted its numbers (A.1); what was counted stays.

    Read-only for others: `lost` (A.3; falls again when late packets come, and below zero when
    some come from before the first), `gaps` (how often numbers were missing when a newer packet
    came), `out_of_order`, `restarts`, and `highest_extended`, the highest number with its
    count of cycles, -1 before the first packet.
    """

    __slots__ = (
        "_arrival_ns",
        "_before_first",
        "_expected_prior",
        "_jitter_16ths_ns",
        "_last_sender_report",
        "_last_sender_report_ns",
        "_lost_prior",
        "_step_ns",
        "_step_units",
        "_suspect",
        "_timestamp",
        "clock_hz",
        "gaps",
        "highest_extended",
        "lost",
        "out_of_order",
        "restarts",
        "ssrc",
    )

    def __init__(self, ssrc: int, clock_hz: int) -> None:
        self.ssrc = ssrc
        self.clock_hz = clock_hz
        self.highest_extended = -1
        self.lost = 0
        self.gaps = 0
        self.out_of_order = 0
        self.restarts = 0
        self._before_first = -1  # expected = highest_extended - _before_first
        self._suspect = -1
        self._timestamp = -1  # no packet yet: no step of a timestamp leads from here
        self._step_units = -1
        self._step_ns = 0
        self._arrival_ns = 0
        self._jitter_16ths_ns = 0
        self._expected_prior = 0
        self._lost_prior = 0
        self._last_sender_report = 0
        self._last_sender_report_ns = 0

    def receive(self, sequence: int, timestamp: int, arrival_ns: int) -> None:
        """Counts one packet; duplicates never come this far, SRTP has dropped them."""
        if (sequence - self.highest_extended) & 0xFFFF == 1:
            self.highest_extended += 1
        elif not self._place(sequence):
            return
        step_units = timestamp - self._timestamp
        if step_units != self._step_units:
            self._change_step(step_units, arrival_ns)
        change_ns = arrival_ns - self._arrival_ns - self._step_ns
        self._timestamp = timestamp
        self._arrival_ns = arrival_ns
        if change_ns < 0:
            change_ns = -change_ns
        if change_ns < MAX_TRANSIT_CHANGE_NS:
            jitter = self._jitter_16ths_ns
            self._jitter_16ths_ns = jitter + change_ns - ((jitter + 8) >> 4)

    def _place(self, sequence: int) -> bool:
        """Counts a packet that is not the next in order (A.1).

        False when it says nothing about jitter: its place in the stream is in doubt.
        """
        if self._timestamp < 0:
            self.highest_extended = sequence
            self._before_first = sequence - 1
            return True
        ahead = (sequence - self.highest_extended) & 0xFFFF
        if ahead < MAX_DROPOUT:
            self.highest_extended += ahead
            self.lost += ahead - 1
            self.gaps += ahead > 1
            return True
        if ahead > 0x10000 - MAX_MISORDER:
            self.lost -= 1
            self.out_of_order += 1
            return True
        if sequence != self._suspect:
            self._suspect = (sequence + 1) & 0xFFFF
            self._before_first -= 1  # it arrived: neither lost nor a sign of others that are
            return False
        self._suspect = -1
        self._before_first += sequence - self.highest_extended - 1
        self.highest_extended = sequence
        self.restarts += 1
        self._timestamp = self._step_units = -1
        return True

    def _change_step(self, step_units: int, arrival_ns: int) -> None:
        """Notes how much time the source says has passed, in nanoseconds."""
        if self._timestamp < 0:
            self._arrival_ns = arrival_ns
            self._step_units = self._step_ns = 0
            return
        self._step_units = step_units
        signed_units = (step_units + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        self._step_ns = signed_units * NS_PER_S // self.clock_hz

    @property
    def expected(self) -> int:
        """Packets that the source has sent, as far as its sequence numbers tell."""
        return self.highest_extended - self._before_first

    @property
    def received(self) -> int:
        """Packets that arrived."""
        return self.highest_extended - self._before_first - self.lost

    @property
    def jitter_units(self) -> int:
        """Interarrival jitter in RTP units."""
        return self._jitter_16ths_ns * self.clock_hz // (16 * NS_PER_S)

    @property
    def jitter_s(self) -> float:
        """Interarrival jitter in seconds."""
        return self._jitter_16ths_ns / (16 * NS_PER_S)

    def sender_report_received(self, ntp_middle: int, arrival_ns: int) -> None:
        """Notes the middle 32 bits of a sender report's NTP time, and when it came."""
        self._last_sender_report = ntp_middle
        self._last_sender_report_ns = arrival_ns

    def report_block(self, now_ns: int) -> ReportBlock:
        """What we tell the source; the fraction counts from the block before (A.3)."""
        expected = self.expected - self._expected_prior
        lost = self.lost - self._lost_prior
        self._expected_prior += expected
        self._lost_prior += lost
        lsr = self._last_sender_report
        dlsr = max(0, now_ns - self._last_sender_report_ns) * 0x10000 // NS_PER_S if lsr else 0
        if dlsr > MAX_DLSR_S << 16:
            lsr = dlsr = 0
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0,
            cumulative_lost=max(-0x800000, min(0x7FFFFF, self.lost)),
            highest_extended=max(0, self.highest_extended) & 0xFFFFFFFF,
            jitter=min(0xFFFFFFFF, self.jitter_units),
            lsr=lsr,
            dlsr=dlsr,
        )
