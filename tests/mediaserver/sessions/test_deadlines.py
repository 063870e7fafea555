"""When a session counts as silent, and when and why it must end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.sessions.deadlines import NS_PER_S, Limits, Times, Verdict, judge
from voicemedia_server.sessions.lifecycle import TABLE, CloseReason, Signal, State

LIMITS = Limits(
    setup_timeout_s=15,
    silent_after_s=8,
    consent_timeout_s=30,
    idle_timeout_s=60,
    max_session_s=3600,
)


def at(seconds: float) -> int:
    return int(seconds * NS_PER_S)


def times(
    check: float | None = None, media: float | None = None, connected: float | None = None
) -> Times:
    def ns(seconds: float | None) -> int | None:
        return None if seconds is None else at(seconds)

    return Times(0, ns(check), ns(media), ns(connected))


def ended(reason: CloseReason) -> Verdict:
    return Verdict(Signal.ENDED, reason)


@pytest.mark.parametrize("state", [State.OFFERED, State.CONNECTING])
def test_a_set_up_that_takes_too_long_is_freed(state: State) -> None:
    assert judge(state, times(), LIMITS, at(14.9)) is None
    assert judge(state, times(), LIMITS, at(15)) == ended(CloseReason.SETUP_TIMEOUT)


def test_consent_expires_by_checks_alone_though_media_still_comes() -> None:
    seen = times(check=10, media=39.9, connected=1)

    assert judge(State.CONNECTED, seen, LIMITS, at(39.9)) is None
    assert judge(State.CONNECTED, seen, LIMITS, at(40)) == ended(CloseReason.CONSENT_EXPIRED)


def test_a_call_without_media_is_idle_though_it_is_checked() -> None:
    seen = times(check=60, media=5, connected=1)

    assert judge(State.CONNECTED, seen, LIMITS, at(64.9)) is None
    assert judge(State.CONNECTED, seen, LIMITS, at(65)) == ended(CloseReason.IDLE)


def test_a_call_that_never_had_media_is_idle_from_when_it_connected() -> None:
    seen = times(check=60, connected=1)

    assert judge(State.CONNECTED, seen, LIMITS, at(61)) == ended(CloseReason.IDLE)


def test_the_longest_session_ends_whatever_it_does() -> None:
    seen = times(check=3600, media=3600, connected=1)

    assert judge(State.CONNECTED, seen, LIMITS, at(3600)) == ended(CloseReason.MAX_DURATION)


def test_a_call_is_silent_without_check_and_media_and_heard_again_by_either() -> None:
    silent = times(check=1, media=2, connected=1)
    heard = times(check=1, media=10, connected=1)

    assert judge(State.CONNECTED, silent, LIMITS, at(10)) == Verdict(Signal.SILENT)
    assert judge(State.RECONNECTING, silent, LIMITS, at(10)) is None
    assert judge(State.RECONNECTING, heard, LIMITS, at(10)) == Verdict(Signal.HEARD)


@pytest.mark.parametrize("state", [State.OFFERED, State.CONNECTED])
def test_a_limit_of_zero_is_none(state: State) -> None:
    free = Limits(0, 0, 0, 0, 0)

    assert judge(state, times(check=1, connected=1), free, at(10**6)) is None


@given(
    state=st.sampled_from(State),
    seconds=st.tuples(*[st.none() | st.floats(0, 10_000)] * 3),
    now=st.floats(0, 10_000),
)
def test_a_verdict_is_always_one_that_the_life_cycle_takes(
    state: State, seconds: tuple[float | None, ...], now: float
) -> None:
    verdict = judge(state, times(*seconds), LIMITS, at(now))

    if verdict is not None:
        assert (state, verdict.signal) in TABLE
        assert (verdict.close is not None) == (verdict.signal is Signal.ENDED)
