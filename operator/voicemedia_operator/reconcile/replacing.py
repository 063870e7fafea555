"""Which pods are made, drained, taken back, deleted: new ones first, then old ones drain.

Bounds: no pod is made that would be more than `max_surge` beyond the wanted number at work, and
nothing that we do leaves fewer than the wanted number less `max_unavailable` that take sessions.
Pods that drain count for neither. Those that are taken back need no room: they are there anyway,
and the sooner they work, the sooner a bad revision gets no more sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voicemedia_operator.reconcile.draining import deadline_unix_s
from voicemedia_operator.reconcile.observed import Pod
from voicemedia_operator.reconcile.pods import (
    Cause,
    attempt_after,
    is_alive,
    is_available,
    is_stuck,
    is_working,
    replaced_at_unix_s,
)
from voicemedia_operator.spec.capacity import Drain, Update

UNKNOWN_SESSIONS = 1 << 53
"""A pod that does not say how many sessions it has counts as full of them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the fleet shall be: so many pods of this revision."""

    replicas: int
    revision: str
    update: Update
    drain: Drain
    is_deleting: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of pods. `create` has the attempt of each pod to make."""

    create: tuple[int, ...] = ()
    drain: tuple[tuple[Pod, Cause], ...] = ()
    take_back: tuple[Pod, ...] = ()
    delete: tuple[Pod, ...] = ()


def changes(pods: Sequence[Pod], wish: Wish, now_unix_s: int) -> Changes:
    """All that can be done at once within the bounds; the rest is for the next plan."""
    ended = [pod for pod in pods if pod.has_ended and not pod.is_terminating]
    stuck = [pod for pod in pods if is_stuck(pod, now_unix_s)]
    working = [pod for pod in pods if is_working(pod) and pod not in stuck]
    waiting = [
        pod
        for pod in ended
        if pod.revision == wish.revision
        and not pod.is_draining
        and now_unix_s < replaced_at_unix_s(pod)
    ][: wish.replicas]
    gone = [pod for pod in ended if pod not in waiting]
    current = [pod for pod in working if pod.revision == wish.revision]
    missing = max(wish.replicas - len(current) - len(waiting), 0)
    taken = len(working) + len(stuck) + len(waiting)
    room = max(wish.replicas + wish.update.max_surge - taken, 0)
    back = _to_take_back(pods, wish, now_unix_s)[:missing]
    births = max(min(missing, room) - len(back), 0)
    idle_stuck = [pod for pod in stuck if pod.sessions == 0]
    return Changes(
        create=(_attempt([*gone, *stuck], current, wish.revision),) * births,
        drain=(
            *((pod, Cause.STUCK) for pod in stuck if pod not in idle_stuck),
            *_to_drain(working, wish),
        ),
        take_back=tuple(back),
        delete=(*gone, *idle_stuck),
    )


def _attempt(failed: Sequence[Pod], current: Sequence[Pod], revision: str) -> int:
    """Of pods that are made now: one more than those of their revision that failed, and no less
    than those that still have to show that they can."""
    alike = [pod for pod in failed if pod.revision == revision and not pod.is_draining]
    counted = [attempt_after(pod) for pod in alike]
    return max([*counted, *(pod.attempt for pod in current if not pod.is_ready)], default=0)


def _to_take_back(pods: Sequence[Pod], wish: Wish, now_unix_s: int) -> list[Pod]:
    """Pods that drain and are of the wanted revision, those with most sessions first. One that
    does not answer may be of no use: it takes no other's place."""
    fit = [
        pod
        for pod in pods
        if is_alive(pod)
        and pod.is_draining
        and pod.is_running
        and pod.instance is not None
        and pod.revision == wish.revision
        and pod.drain_cause not in (Cause.ASKED, Cause.STUCK)
        and now_unix_s < (deadline_unix_s(pod, wish.drain) or 0)
    ]
    return sorted(fit, key=lambda pod: (-_sessions(pod), pod.name))


def _to_drain(working: Sequence[Pod], wish: Wish) -> list[tuple[Pod, Cause]]:
    """Old ones, and those that are too many."""
    budget = sum(map(is_available, working)) - (wish.replicas - wish.update.max_unavailable)
    old = [pod for pod in working if pod.revision != wish.revision]
    current = [pod for pod in working if pod.revision == wish.revision]
    surplus = max(len(current) - wish.replicas, 0)
    chosen: list[tuple[Pod, Cause]] = []
    for pod in (*_leaving_first(old), *_leaving_first(current)[:surplus]):
        may_have_calls = pod.is_running and pod.sessions != 0
        if (is_available(pod) and budget < 1) or (may_have_calls and budget < 0):
            continue
        budget -= is_available(pod)
        cause = Cause.UPDATE if pod.revision != wish.revision else Cause.SCALE
        chosen.append((pod, Cause.DELETION if wish.is_deleting else cause))
    return chosen


def _leaving_first(pods: Sequence[Pod]) -> list[Pod]:
    """Those that take no sessions, then those with fewest, then the oldest revision, then by
    name."""
    begun = {
        pod.revision: min(one.created_unix_s for one in pods if one.revision == pod.revision)
        for pod in pods
    }
    return sorted(
        pods, key=lambda pod: (is_available(pod), _sessions(pod), begun[pod.revision], pod.name)
    )


def _sessions(pod: Pod) -> int:
    return UNKNOWN_SESSIONS if pod.sessions is None else pod.sessions
