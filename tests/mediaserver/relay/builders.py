"""Publications, subscriptions and packets with good defaults for the tests of `relay`."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from voicemedia_server.relay.publication import Publication
from voicemedia_server.relay.reports import Now
from voicemedia_server.relay.subscription import Subscription
from voicemedia_server.sessions.offer import Codec

OPUS = Codec(payload_type=111, name="opus", clock_hz=48_000, channels=2)
PCMU = Codec(payload_type=0, name="pcmu", clock_hz=8_000)
SPEAKER = 0x5EA4E201
OTHER_SPEAKER = 0x5EA4E202
LISTENER = 0x0ECC0001
PACKET_NS = 20_000_000
PACKET_UNITS = 960  # 20 ms of Opus

NOW = Now(monotonic_ns=5_000_000_000, unix_ns=1_800_000_000_250_000_000)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a listener reads of a packet that was rewritten for it."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    rest: bytes


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet of a speaker; `second` is marker and payload type, as on the wire."""

    sequence: int = 1000
    timestamp: int = 160_000
    ssrc: int = SPEAKER
    second: int = 111
    rest: bytes = b"opus"

    def encode(self) -> bytearray:
        """Its bytes (RFC 3550 section 5.1)."""
        fields = (0x80, self.second, self.sequence, self.timestamp, self.ssrc)
        return bytearray(struct.pack("!BBHII", *fields) + self.rest)


def a_subscription(
    *,
    ssrc: int = LISTENER,
    first_sequence: int = 7,
    payload_types: dict[int, int] | None = None,
    answers_nack: bool = False,
) -> Subscription:
    """A listener that has heard nothing yet."""
    return Subscription(
        ssrc, "echo", first_sequence, payload_types or {}, answers_nack=answers_nack
    )


def a_publication(*codecs: Codec, heard: int = 0, ssrc: int = SPEAKER) -> Publication:
    """A speaker of Opus of whom `heard` packets came in order, 20 ms apart, from 1000 on."""
    publication = Publication(codecs or (OPUS,))
    if heard:
        reception = publication.switch_source(ssrc, OPUS.clock_hz)
        for i in range(heard):
            reception.receive(1000 + i, i * PACKET_UNITS, i * PACKET_NS)
    return publication


def send(
    subscription: Subscription, packet: Packet, *, now_ns: int = 0, clock_hz: int = 48_000
) -> Sent:
    """Sends a packet as a plane does, and reads what goes out."""
    raw = packet.encode()
    if packet.ssrc != subscription.source_ssrc:
        subscription.switch_source(packet.ssrc, packet.sequence, packet.timestamp, clock_hz, now_ns)
    returned = subscription.rewrite(raw, packet.second, packet.sequence, packet.timestamp, now_ns)
    _, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", raw)
    assert returned == sequence, "rewrite returns the sequence number that it wrote"
    return Sent(second >= 0x80, second & 0x7F, sequence, timestamp, ssrc, bytes(raw[12:]))


def a_flowing_subscription(*, sent: int = 3, now: Now = NOW) -> Subscription:
    """A listener that was sent `sent` packets, the last one 20 ms before `now`."""
    subscription = a_subscription()
    last_ns = now.monotonic_ns - PACKET_NS
    for i in range(sent):
        at_ns = last_ns - (sent - 1 - i) * PACKET_NS
        send(subscription, Packet(1000 + i, 160_000 + i * PACKET_UNITS), now_ns=at_ns)
        subscription.packets_sent += 1
        subscription.bytes_sent += 80
    return subscription
