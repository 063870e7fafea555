"""How many pods shall take sessions."""

from __future__ import annotations

from collections.abc import Sequence

from voicemedia_operator.reconcile.observed import Memo, Pod
from voicemedia_operator.reconcile.pods import is_working
from voicemedia_operator.spec.capacity import ScalingMode
from voicemedia_operator.spec.voice_media_server import Spec


def wanted_replicas(spec: Spec, memo: Memo) -> int:
    """By the mode of `spec.scaling`. In mode Buffer the most that was enough at any time of the
    stabilization window, which `memo` has with this moment in it."""
    scaling = spec.scaling
    match scaling.mode:
        case ScalingMode.FIXED:
            return spec.replicas
        case ScalingMode.EXTERNAL if spec.replicas == 0:
            return 0  # as an HPA has it: scaled to nothing, until somebody scales up
        case ScalingMode.EXTERNAL:
            return min(max(spec.replicas, scaling.min_replicas), scaling.max_replicas)
        case ScalingMode.BUFFER:
            enough = max((replicas for _, replicas in memo.wanted), default=scaling.min_replicas)
            return min(max(enough, scaling.min_replicas), scaling.max_replicas)


def remember_enough(
    spec: Spec, pods: Sequence[Pod], memo: Memo, now_unix_s: int
) -> tuple[tuple[int, int], ...]:
    """The moments of the stabilization window, this one included, each with how many pods were
    enough: rising times, falling numbers, since a smaller number before a larger one decides
    nothing. Empty but in mode Buffer."""
    if spec.scaling.mode is not ScalingMode.BUFFER:
        return ()
    enough = _enough(spec, pods)
    since_unix_s = now_unix_s - spec.scaling.stabilization_window_s
    kept = [(at, number) for at, number in memo.wanted if at > since_unix_s and number > enough]
    if not memo.wanted:
        kept = _at_start(pods, enough, now_unix_s)
    return (*kept, (now_unix_s, enough))


def _at_start(pods: Sequence[Pod], enough: int, now_unix_s: int) -> list[tuple[int, int]]:
    """An operator that just started knows no past: what is there counts as needed until now."""
    there = sum(map(is_working, pods))
    return [(now_unix_s, there)] if there > enough else []


def _enough(spec: Spec, pods: Sequence[Pod]) -> int:
    """Pods that hold all sessions of those at work, and the buffer. A pod that does not say what
    it has counts as full where that keeps pods, and as empty where it would make more: what is not
    known neither drains a pod nor makes one."""
    per_pod = spec.media.max_sessions_per_pod
    working = [pod for pod in pods if is_working(pod)]
    known = sum(pod.sessions or 0 for pod in working)
    silent = sum(pod.sessions is None for pod in working)
    low, high = (
        -(-(active + spec.scaling.buffer_sessions) // per_pod)
        for active in (known, known + silent * per_pod)
    )
    return max(low, min(high, len(working)))
