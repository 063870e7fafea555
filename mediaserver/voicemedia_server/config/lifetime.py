"""Settings of how many sessions there may be, and how long each lives."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.dataclasses import dataclass

from voicemedia_server.config.fields import DAY_S, Group, option
from voicemedia_server.config.values import (
    Number,
    Whole,
)


@dataclass(frozen=True)
class LifetimeSettings:
    """Capacity, and the life of a session."""

    max_sessions: Whole = option(
        Group.CAPACITY,
        2000,
        "Sessions at a time; then 503 with Retry-After. One core carries 1,000 to 1,500 with the "
        "Python plane when all of them talk.",
        ge=1,
        le=1_000_000,
    )
    max_pending: Whole = option(
        Group.CAPACITY,
        512,
        "Sessions that may be setting up at a time; then 503 with Retry-After. Two seconds' worth "
        "of DTLS handshakes of one core, so that an avalanche of clients is spread out.",
        ge=1,
        le=1_000_000,
    )
    max_transcoded_sessions: Whole = option(
        Group.CAPACITY,
        16,
        "Sessions at a time whose echo is decoded and encoded again (POST /whip?echo=decoded); "
        "then 503 for those that ask. Such a session takes as much CPU as about twenty others. "
        "0 switches it off.",
        ge=0,
        le=10_000,
    )
    setup_timeout_s: Number = option(
        Group.CAPACITY,
        15.0,
        "From the answer to connected; who takes longer is freed. Browsers give up sooner.",
        ge=1,
        le=120,
    )
    silent_after_s: Number = option(
        Group.CAPACITY,
        8.0,
        "Without a connectivity check or packet for this long a session counts as reconnecting. "
        "Checks come about every five seconds (RFC 7675). 0 for never.",
        ge=0,
        le=3600,
    )
    consent_timeout_s: Number = option(
        Group.CAPACITY,
        30.0,
        "Without a connectivity check for this long a session ends: 30 s is what RFC 7675 says. "
        "0 for never.",
        ge=0,
        le=3600,
    )
    idle_timeout_s: Number = option(
        Group.CAPACITY,
        60.0,
        "Without media for this long a session ends. Muted microphones go on sending, so a minute "
        "of nothing is a page that was left behind. 0 for never.",
        ge=0,
        le=30 * DAY_S,
    )
    max_session_s: Number = option(
        Group.CAPACITY,
        0.0,
        "Longest session. 0 for no limit, the default: a call ends when people end it.",
        ge=0,
        le=30 * DAY_S,
    )


def contradictions(settings: LifetimeSettings) -> Iterator[tuple[str, str]]:
    """Settings that cannot be together: the one to change, and a sentence about it."""
    times = settings.silent_after_s, settings.consent_timeout_s
    if all(times) and times[0] >= times[1]:
        yield "silent_after_s", f"must be less than consent_timeout_s, which is {times[1]:g}"
