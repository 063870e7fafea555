"""The life of a session is its table, whole, and nothing besides."""

from __future__ import annotations

import pytest

from voicemedia_server.sessions.lifecycle import TABLE, Signal, SignalRejected, State, step


def test_a_session_goes_from_offered_to_connected_by_a_check_and_a_handshake() -> None:
    connecting = step(State.OFFERED, Signal.CHECKED)

    assert connecting is State.CONNECTING
    assert step(connecting, Signal.SECURED) is State.CONNECTED


def test_a_call_that_falls_silent_comes_back_when_it_is_heard() -> None:
    silent = step(State.CONNECTED, Signal.SILENT)

    assert silent is State.RECONNECTING
    assert step(silent, Signal.HEARD) is State.CONNECTED


@pytest.mark.parametrize("state", [state for state in State if state is not State.CLOSED])
def test_every_live_state_can_end_and_be_restarted(state: State) -> None:
    assert step(state, Signal.ENDED) is State.CLOSED
    assert step(state, Signal.RESTARTED) is not State.CLOSED


@pytest.mark.parametrize("signal", Signal)
def test_nothing_happens_to_a_closed_session(signal: Signal) -> None:
    with pytest.raises(SignalRejected):
        step(State.CLOSED, signal)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("signal", Signal)
def test_a_signal_out_of_place_is_rejected_and_names_both(state: State, signal: Signal) -> None:
    if (state, signal) in TABLE:
        assert step(state, signal) is TABLE[state, signal]
        return
    with pytest.raises(SignalRejected) as rejected:
        step(state, signal)

    assert rejected.value.state is state
    assert rejected.value.signal is signal


def test_every_state_can_be_reached() -> None:
    reached = {State.OFFERED}
    for _ in State:
        reached |= {after for (before, _), after in TABLE.items() if before in reached}

    assert reached == set(State)
