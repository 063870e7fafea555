"""How a pod leaves: marked, told, waited for, moved at the deadline, deleted last of all.

That a pod shall drain is written on it; what it really does it says itself. Both are compared each
time, and what was lost is said again. Only a drained pod, or one whose notice is over, is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from voicemedia_operator.reconcile.actions import Action, DeletePod, Drain, Mark, Undrain
from voicemedia_operator.reconcile.names import TRUE, Annotation, Label
from voicemedia_operator.reconcile.observed import Pod
from voicemedia_operator.reconcile.pods import MARGIN_S, Cause, is_alive, is_drained
from voicemedia_operator.spec import capacity


def deadline_unix_s(pod: Pod, drain: capacity.Drain) -> int | None:
    """When its sessions are moved; `None` where it does not drain."""
    since_unix_s = pod.drain_since_unix_s
    return None if since_unix_s is None else since_unix_s + drain.timeout_s


def last_unix_s(pod: Pod, drain: capacity.Drain) -> int | None:
    """When it is deleted with whatever it has."""
    deadline = deadline_unix_s(pod, drain)
    return None if deadline is None else deadline + drain.notice_s + MARGIN_S


def begin_drain(pod: Pod, cause: Cause, now_unix_s: int) -> Iterator[Action]:
    """Takes it out of the Service and tells it, in this order."""
    annotations = {
        Annotation.DRAIN_SINCE.value: _written(now_unix_s),
        Annotation.DRAIN_CAUSE.value: cause.value,
    }
    yield Mark(pod.name, pod.uid, {Label.SERVING.value: None}, annotations)
    if pod.is_running:
        yield Drain(pod.name, pod.uid)


def take_back(pod: Pod, now_unix_s: int) -> Iterator[Action]:
    """Puts it to work again, from now on."""
    yield _to_work(pod, now_unix_s, Annotation.DRAIN_SINCE, Annotation.DRAIN_CAUSE)
    if pod.is_running:
        yield Undrain(pod.name, pod.uid)


def keep_to_its_mark(pod: Pod, drain: capacity.Drain, now_unix_s: int) -> Iterator[Action]:
    """What is to be said again to a pod, or done about it, by what is written on it."""
    if not is_alive(pod):
        return
    if not pod.is_draining:
        yield from _at_work(pod, now_unix_s)
    elif is_drained(pod) or now_unix_s >= (last_unix_s(pod, drain) or 0):
        yield DeletePod(pod.name, pod.uid)
    else:
        yield from _leaving(pod, drain, now_unix_s)


def _to_work(pod: Pod, now_unix_s: int, *taken_away: Annotation) -> Mark:
    annotations = dict.fromkeys((each.value for each in taken_away), None)
    since = {Annotation.SERVING_SINCE.value: _written(now_unix_s)}
    return Mark(pod.name, pod.uid, {Label.SERVING.value: TRUE}, {**annotations, **since})


def _written(unix_s: int) -> str:
    """As Kubernetes writes times."""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _at_work(pod: Pod, now_unix_s: int) -> Iterator[Action]:
    if not pod.is_serving or (pod.serving_since_unix_s or 0) > now_unix_s:
        yield _to_work(pod, now_unix_s)
    if pod.instance is not None and pod.instance.is_draining:
        yield Undrain(pod.name, pod.uid)


def _leaving(pod: Pod, drain: capacity.Drain, now_unix_s: int) -> Iterator[Action]:
    if pod.is_serving:
        yield Mark(pod.name, pod.uid, {Label.SERVING.value: None}, {})
    if (pod.drain_since_unix_s or 0) > now_unix_s:
        # People wrote it, or a clock was ahead: it begins now, or it would never be over.
        since = {Annotation.DRAIN_SINCE.value: _written(now_unix_s)}
        yield Mark(pod.name, pod.uid, {}, since)
    if pod.instance is None:
        return
    is_over = now_unix_s >= (deadline_unix_s(pod, drain) or 0)
    ends_unix_s = pod.instance.drain_ends_unix_s
    # Each of these begins the pod's notice anew: one that has begun is left alone.
    if is_over and (ends_unix_s is None or ends_unix_s > now_unix_s + drain.notice_s):
        left_s = (last_unix_s(pod, drain) or 0) - MARGIN_S - now_unix_s
        notice_s = max(min(drain.notice_s, left_s), 0)
        yield Drain(pod.name, pod.uid, limit_s=0, notice_s=notice_s)
    elif not pod.instance.is_draining:
        yield Drain(pod.name, pod.uid)
