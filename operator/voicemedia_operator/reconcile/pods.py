"""What a pod is to its fleet: a chain of small questions about one pod.

Memory of failures is on the pods themselves: one that takes the place of a failed one counts an
attempt more, and is given more time. So an operator that starts anew knows how long to wait.
"""

from __future__ import annotations

from enum import StrEnum

from voicemedia_operator.reconcile.observed import Pod
from voicemedia_operator.spec.status import PodPhase

STUCK_AFTER_S = 300
"""A pod that is not ready for this long is replaced; twice as long for each attempt before."""
LONGEST_STUCK_S = 3600
FIRST_PAUSE_S = 10
"""Before the second replacement of a pod that ended; twice as long for each after that."""
LONGEST_PAUSE_S = 300
LIVED_WELL_S = 600
"""A pod that lived this long before it ended failed for no reason of its making."""
MARGIN_S = 10
"""After the end of a drain's notice a pod is deleted with whatever it says."""
NO_FAULT_OF_THE_POD = frozenset({"Unschedulable", "SchedulingGated"})
"""Another pod would wait in its place."""


class Cause(StrEnum):
    """Why a pod drains."""

    UPDATE = "update"
    SCALE = "scale"
    STUCK = "stuck"
    DELETION = "deletion"
    ASKED = "asked"  # written on the pod by people: only they take it back


def is_available(pod: Pod) -> bool:
    """It takes new sessions."""
    says_no = pod.instance is not None and pod.instance.is_draining
    return pod.is_ready and pod.is_serving and not pod.is_draining and not says_no


def is_alive(pod: Pod) -> bool:
    """It runs, or may still come to run."""
    return not pod.is_terminating and not pod.has_ended


def is_working(pod: Pod) -> bool:
    """It takes sessions, or shall."""
    return is_alive(pod) and not pod.is_draining


def stuck_at_unix_s(pod: Pod) -> int | None:
    """When it counts as stuck if nothing changes; `None` for never.

    A pod that drains is not ready either: one that was taken back has its time from then on, and
    one whose label is still to come has all of it before it.
    """
    if pod.is_ready or not is_working(pod) or pod.trouble in NO_FAULT_OF_THE_POD:
        return None
    if not pod.is_serving:
        return None
    since_unix_s = max(
        pod.created_unix_s, pod.ready_changed_unix_s or 0, pod.serving_since_unix_s or 0
    )
    return since_unix_s + min(STUCK_AFTER_S << min(pod.attempt, 10), LONGEST_STUCK_S)


def is_stuck(pod: Pod, now_unix_s: int) -> bool:
    """It had its time, and another pod may do better."""
    at_unix_s = stuck_at_unix_s(pod)
    return at_unix_s is not None and now_unix_s >= at_unix_s


def attempt_after(pod: Pod) -> int:
    """Of the pod that takes the place of this one."""
    ended_unix_s = pod.ended_unix_s or pod.created_unix_s
    return 0 if ended_unix_s - pod.created_unix_s >= LIVED_WELL_S else pod.attempt + 1


def replaced_at_unix_s(pod: Pod) -> int:
    """When a pod that has ended makes room for another: at once the first time."""
    if not pod.attempt or not attempt_after(pod):
        return 0
    ended_unix_s = pod.ended_unix_s or pod.created_unix_s
    return ended_unix_s + min(FIRST_PAUSE_S << min(pod.attempt - 1, 10), LONGEST_PAUSE_S)


def phase_of(pod: Pod) -> PodPhase:
    """For people."""
    if pod.has_ended or is_drained(pod):
        return PodPhase.DRAINED
    if pod.is_draining or pod.is_terminating:
        return PodPhase.DRAINING
    return PodPhase.READY if is_available(pod) else PodPhase.STARTING


def is_drained(pod: Pod) -> bool:
    """It drains and has no session: it says so itself, or nothing runs in it."""
    if not pod.is_draining:
        return False
    if pod.instance is not None:
        return pod.instance.is_draining and pod.instance.sessions == 0
    return not pod.is_running
