"""What is done to pods, in an order in which each step may be the last one that is carried out.

Those that take sessions come first, then those that take them no longer; deleting is last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voicemedia_operator.reconcile.actions import Action, CreatePod, DeletePod, Mark
from voicemedia_operator.reconcile.draining import begin_drain, keep_to_its_mark, take_back
from voicemedia_operator.reconcile.names import TRUE, Label
from voicemedia_operator.reconcile.objects.pod import pod_manifest
from voicemedia_operator.reconcile.observed import Pod
from voicemedia_operator.reconcile.places import Births
from voicemedia_operator.reconcile.pods import is_alive, is_drained
from voicemedia_operator.reconcile.replacing import Changes
from voicemedia_operator.reconcile.situation import Situation


def tend_pods(situation: Situation, found: Changes, born: Births) -> Iterator[Action]:
    """The changes, and what is to be said again to all others."""
    now_unix_s, drain = situation.now_unix_s, situation.spec.drain
    touched = {pod.uid for pod, _ in found.drain}
    touched |= {pod.uid for pod in (*found.take_back, *found.delete)}
    for pod in found.take_back:
        yield from take_back(pod, now_unix_s)
    for place in born.places:
        yield CreatePod(pod_manifest(situation.resource, situation.spec, place))
    for pod, cause in found.drain:
        yield from begin_drain(pod, cause, now_unix_s)
    for pod in situation.pods:
        if pod.uid not in touched:
            yield from keep_to_its_mark(pod, drain, now_unix_s)
    for pod in found.delete:
        yield DeletePod(pod.name, pod.uid)


def mark_busy(pods: Sequence[Pod]) -> Iterator[Action]:
    """The label by which a disruption budget selects pods with calls."""
    for pod in pods:
        yield from _busy_mark(pod)


def _busy_mark(pod: Pod) -> Iterator[Action]:
    if not is_alive(pod) or is_drained(pod) or pod.instance is None:
        return
    if pod.is_busy != (pod.instance.sessions > 0):
        yield Mark(pod.name, pod.uid, {Label.BUSY.value: None if pod.is_busy else TRUE}, {})
