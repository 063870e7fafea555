"""Sums of what sessions counted, as metric families. Totals never fall when sessions end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from voicemedia_server.ports import MediaStats, TranscodeReading
from voicemedia_server.sessions.sound import Transport

COUNTERS = {
    "packets_received": ("rtp_packets_received", "RTP packets taken from speakers."),
    "bytes_received": (
        "rtp_bytes_received",
        "Bytes of RTP taken from speakers, headers and payload, without SRTP.",
    ),
    "packets_out_of_order": (
        "rtp_packets_out_of_order",
        "RTP packets of speakers that came after a later one.",
    ),
    "packets_sent": ("rtp_packets_sent", "RTP packets sent to listeners."),
    "bytes_sent": (
        "rtp_payload_bytes_sent",
        "Payload bytes of RTP sent to listeners, as RTCP counts them.",
    ),
    "packets_resent": ("rtp_packets_resent", "RTP packets sent again for a NACK."),
    "nacks_received": ("rtcp_nacks_received", "NACK packets that listeners sent."),
}


GAUGES = {
    "packets_lost": ("rtp_packets_lost", "RTP packets of speakers that never came."),
    "remote_packets_lost": (
        "rtp_packets_lost_by_listeners",
        "RTP packets of ours that never came, as listeners report.",
    ),
}


@dataclass(slots=True)
class MediaTotals:
    """Sums over sessions; the names are those of `MediaStats`."""

    packets_received: int = 0
    bytes_received: int = 0
    packets_lost: int = 0
    packets_out_of_order: int = 0
    packets_sent: int = 0
    bytes_sent: int = 0
    packets_resent: int = 0
    nacks_received: int = 0
    remote_packets_lost: int = 0

    def add(self, stats: MediaStats | MediaTotals) -> None:
        """Adds a session, or the sums of others."""
        self.packets_received += stats.packets_received
        self.bytes_received += stats.bytes_received
        self.packets_lost += stats.packets_lost
        self.packets_out_of_order += stats.packets_out_of_order
        self.packets_sent += stats.packets_sent
        self.bytes_sent += stats.bytes_sent
        self.packets_resent += stats.packets_resent
        self.nacks_received += stats.nacks_received
        self.remote_packets_lost += max(0, stats.remote_packets_lost or 0)


def new_totals() -> dict[Transport, MediaTotals]:
    """Nothing counted yet."""
    return {transport: MediaTotals() for transport in Transport}


def media_families(totals: Mapping[Transport, MediaTotals]) -> Iterator[Metric]:
    """The sums as they are scraped.

    Lost packets are gauges, since a loss is taken back when the packet comes late after all
    (RFC 3550 appendix A.3).
    """
    for name, (metric, text) in COUNTERS.items():
        family = CounterMetricFamily(f"voicemedia_{metric}", text, labels=["transport"])
        for transport, of_one in totals.items():
            family.add_metric([transport], getattr(of_one, name))
        yield family
    for name, (metric, text) in GAUGES.items():
        lost = GaugeMetricFamily(f"voicemedia_{metric}", text, labels=["transport"])
        for transport, of_one in totals.items():
            lost.add_metric([transport], getattr(of_one, name))
        yield lost


def transcode_families(reading: TranscodeReading) -> Iterator[Metric]:
    """What was done for sessions whose echo is decoded."""
    yield GaugeMetricFamily(
        "voicemedia_transcode_sessions",
        "Sessions whose echo is decoded and encoded again now.",
        value=reading.sessions,
    )
    decoder = reading.decoder
    for name, text, value in (
        ("failures", "Sessions that went on untouched after a fault of ours.", reading.failures),
        ("packets_decoded", "RTP packets of speakers that were decoded.", decoder.decoded),
        (
            "packets_encoded",
            "RTP packets that were encoded for listeners.",
            reading.packets_encoded,
        ),
        ("packets_recovered", "Lost packets that in-band FEC brought back.", decoder.recovered),
        ("packets_concealed", "Lost packets that the decoder concealed.", decoder.concealed),
        ("packets_late", "RTP packets that came after they had been given up.", decoder.late),
    ):
        yield CounterMetricFamily(f"voicemedia_transcode_{name}", text, value=value)
