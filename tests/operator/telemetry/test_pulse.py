"""Loops that no longer complete."""

from __future__ import annotations

from voicemedia_operator.telemetry.pulse import Pulse


def test_a_loop_that_completes_in_time_is_not_stuck() -> None:
    pulse = Pulse(stuck_s=10)
    pulse.beat("calls/voice", 100)

    assert list(pulse.stuck(110)) == []


def test_a_loop_that_does_not_complete_for_too_long_is_stuck() -> None:
    pulse = Pulse(stuck_s=10)
    pulse.beat("calls/voice", 100)
    pulse.beat("calls/other", 105)

    assert list(pulse.stuck(111)) == ["calls/voice"]


def test_a_loop_that_is_over_is_not_waited_for() -> None:
    pulse = Pulse(stuck_s=10)
    pulse.beat("calls/voice", 100)
    pulse.end("calls/voice")

    assert list(pulse.stuck(1000)) == []
    assert pulse.count == 0
