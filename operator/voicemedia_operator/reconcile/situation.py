"""What a plan is made from, once the spec was read and the share settled."""

from __future__ import annotations

from dataclasses import dataclass

from voicemedia_operator.reconcile.observed import Observed, Pod, Resource
from voicemedia_operator.reconcile.pods import is_alive, is_available, is_working
from voicemedia_operator.reconcile.replacing import Wish
from voicemedia_operator.reconcile.rollout import Share
from voicemedia_operator.spec.voice_media_server import Spec


@dataclass(frozen=True, slots=True)
class Situation:
    """`spec` is the one in force, which is an older one where the resource's own has faults."""

    resource: Resource
    spec: Spec
    observed: Observed
    wish: Wish
    share: Share
    now_unix_s: int

    @property
    def pods(self) -> tuple[Pod, ...]:
        """All of them."""
        return self.observed.pods

    @property
    def working(self) -> list[Pod]:
        """Those that take sessions, or shall."""
        return [pod for pod in self.pods if is_working(pod)]

    @property
    def available(self) -> list[Pod]:
        """Those that take new sessions."""
        return [pod for pod in self.working if is_available(pod)]

    @property
    def draining(self) -> list[Pod]:
        """Those that wait for their sessions to end, whoever began it."""
        leaving = [pod for pod in self.pods if pod.is_terminating and not pod.has_ended]
        return [pod for pod in self.pods if is_alive(pod) and pod.is_draining] + leaving

    @property
    def updated(self) -> list[Pod]:
        """Those at work of the wanted revision."""
        return [pod for pod in self.working if pod.revision == self.wish.revision]
