"""When a session must end or counts as silent: one decision from its times and the limits."""

from __future__ import annotations

from dataclasses import dataclass

from voicemedia_server.sessions.lifecycle import CloseReason, Signal, State

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session may take and last. A limit of 0 seconds means: no limit."""

    setup_timeout_s: float
    silent_after_s: float
    consent_timeout_s: float
    idle_timeout_s: float
    max_session_s: float


@dataclass(frozen=True, slots=True)
class Times:
    """Monotonic nanoseconds at which things were last seen; `None` for not yet."""

    opened_ns: int
    last_check_ns: int | None
    last_media_ns: int | None
    connected_ns: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a session's times mean now. `close` is set exactly when `signal` is ENDED."""

    signal: Signal
    close: CloseReason | None = None


def judge(state: State, times: Times, limits: Limits, now_ns: int) -> Verdict | None:
    """The signal that is due now, or `None`.

    Consent is judged by connectivity checks alone (RFC 7675: an ICE-lite peer is checked by the
    other side about every five seconds); idle by media alone.
    """

    def is_over(since_ns: int | None, limit_s: float) -> bool:
        return since_ns is not None and limit_s > 0 and now_ns - since_ns >= limit_s * NS_PER_S

    if state is State.CLOSED:
        return None
    if is_over(times.opened_ns, limits.max_session_s):
        return Verdict(Signal.ENDED, CloseReason.MAX_DURATION)
    if state in (State.OFFERED, State.CONNECTING):
        if is_over(times.opened_ns, limits.setup_timeout_s):
            return Verdict(Signal.ENDED, CloseReason.SETUP_TIMEOUT)
        return None
    if is_over(times.last_check_ns, limits.consent_timeout_s):
        return Verdict(Signal.ENDED, CloseReason.CONSENT_EXPIRED)
    last_media_ns = times.last_media_ns if times.last_media_ns is not None else times.connected_ns
    if is_over(last_media_ns, limits.idle_timeout_s):
        return Verdict(Signal.ENDED, CloseReason.IDLE)
    last_sign_ns = max(times.last_check_ns or 0, times.last_media_ns or 0)
    is_silent = is_over(last_sign_ns, limits.silent_after_s)
    if state is State.CONNECTED and is_silent:
        return Verdict(Signal.SILENT)
    if state is State.RECONNECTING and not is_silent:
        return Verdict(Signal.HEARD)
    return None
