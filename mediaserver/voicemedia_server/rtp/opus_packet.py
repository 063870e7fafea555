"""What an Opus packet says of itself before it is decoded (RFC 6716 section 3). Pure."""

from __future__ import annotations

CLOCK_HZ = 48_000  # RFC 7587 section 4.1: always, whatever was encoded
MAX_UNITS = 5760  # section 3.2.5, R5: 120 ms
MAX_SPEECH_FRAMES = 3  # a SILK frame of 60 ms holds three of 20 ms
HYBRID_FROM = 12
CELT_FROM = 16
SILK_UNITS = (480, 960, 1920, 2880)  # 10, 20, 40, 60 ms
HYBRID_UNITS = (480, 960)
CELT_UNITS = (120, 240, 480, 960)  # 2.5, 5, 10, 20 ms


class OpusMalformed(ValueError):
    """The payload is no Opus packet."""


def frame_units(payload: bytes) -> int:
    """The duration of each frame in the packet, in units of 1/48000 s (section 3.1, table 2)."""
    if not payload:
        raise OpusMalformed("empty")
    config = payload[0] >> 3
    if config < HYBRID_FROM:
        return SILK_UNITS[config & 3]
    if config < CELT_FROM:
        return HYBRID_UNITS[config & 1]
    return CELT_UNITS[config & 3]


def packet_units(payload: bytes) -> int:
    """The duration of the whole packet, in units of 1/48000 s. Raises `OpusMalformed`."""
    units = frame_units(payload)
    code = payload[0] & 3
    count = 1 if code == 0 else 2
    if code == 3:
        if len(payload) < 2:
            raise OpusMalformed("the frame count is cut off")
        count = payload[1] & 0x3F
    if not 0 < count * units <= MAX_UNITS:
        raise OpusMalformed("its frames last for more than 120 ms, or there are none")
    return count * units


def carries_fec(payload: bytes) -> bool:
    """Whether the first frame holds the frame before it once more (LBRR, section 4.2.4).

    The flags that say so are the first bits of a SILK or hybrid frame (section 4.2.3): one for
    voice activity in each 20 ms, then one for LBRR; in stereo the side channel has its own.
    """
    if len(payload) < 2 or payload[0] >> 3 >= CELT_FROM:
        return False
    frame = _first_frame(payload)
    if not frame:
        return False
    speech_frames = max(1, frame_units(payload) // 960)
    is_mid_covered = bool(frame[0] & 0x80 >> speech_frames)
    if not payload[0] & 4 or is_mid_covered:
        return is_mid_covered
    return bool(frame[0] & 0x80 >> 2 * speech_frames + 1)


def _first_frame(payload: bytes) -> bytes:
    """The first frame, behind the lengths and counts; frames may be empty (section 3.2)."""
    code = payload[0] & 3
    if code < 2:
        return payload[1 : 1 + (len(payload) - 1) // (code + 1)]
    if code == 2:
        length, at = _length(payload, 1)
        return payload[at : at + length]
    count, at, padding = payload[1] & 0x3F, 2, 0
    if payload[1] & 0x40:
        while at < len(payload) and payload[at] == 255:
            at, padding = at + 1, padding + 254
        padding += payload[at] if at < len(payload) else 0
        at += 1
    if not payload[1] & 0x80:
        return payload[at : at + max(0, len(payload) - at - padding) // max(1, count)]
    first, at = _length(payload, at) if count > 1 else (len(payload) - at - padding, at)
    for _ in range(count - 2):
        _, at = _length(payload, at)
    return payload[at : at + max(0, first)]


def _length(payload: bytes, at: int) -> tuple[int, int]:
    """A frame's length and where what follows it begins (section 3.2.1)."""
    head = payload[at : at + 2]
    if len(head) == 2 and head[0] >= 252:
        return 4 * head[1] + head[0], at + 2
    return (head[0] if head else 0), at + 1
