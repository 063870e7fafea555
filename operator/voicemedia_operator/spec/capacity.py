"""`spec.scaling`, `spec.update`, `spec.drain`: how many pods there are, and how they leave."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from voicemedia_operator.spec.parts import DAY_S, Part, rule

MAX_REPLICAS = 500

Replicas = Annotated[int, Field(ge=0, le=MAX_REPLICAS)]


class ScalingMode(StrEnum):
    """Who says how many pods there are."""

    FIXED = "Fixed"
    BUFFER = "Buffer"
    EXTERNAL = "External"


class Scaling(Part):
    """Who says how many pods there are, and between which bounds."""

    mode: ScalingMode = ScalingMode.FIXED
    """Who says how many pods take sessions. Fixed: replicas, as people set it. Buffer: the
    operator, so that bufferSessions are always free; replicas is passed over. External: replicas,
    as an HPA, KEDA or kubectl scale sets it, kept within minReplicas and maxReplicas. Default
    Fixed."""
    min_replicas: Replicas = 1
    """Least number of pods in the modes Buffer and External. Default 1; 0 lets a fleet without
    calls go, and only somebody else can bring it back."""
    max_replicas: Replicas = 10
    """Largest number of pods that take sessions in the modes Buffer and External; those that drain
    come on top. Default 10, at most 500; not below minReplicas."""
    buffer_sessions: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    """Sessions that are kept free in mode Buffer: pods = (active sessions + bufferSessions) /
    media.maxSessionsPerPod, rounded up. Default 100."""
    stabilization_window_s: Annotated[int, Field(ge=0, le=3600)] = 300
    """Seconds for which fewer pods must have been enough before any is drained, in mode Buffer.
    Scaling up never waits. Default 300; at most 3600."""

    @rule(
        "self.minReplicas <= self.maxReplicas",
        "minReplicas must not be above maxReplicas: lower the first or raise the second",
    )
    def has_bounds_in_order(self) -> bool:
        return self.min_replicas <= self.max_replicas


class Update(Part):
    """How pods of an old revision are replaced. New ones come first, then old ones drain."""

    max_surge: Annotated[int, Field(ge=0, le=MAX_REPLICAS)] = 1
    """Pods that may take sessions beyond the wanted number during an update. Pods that drain do not
    count. Default 1."""
    max_unavailable: Annotated[int, Field(ge=0, le=MAX_REPLICAS)] = 0
    """Pods that may be missing from the wanted number during an update. Default 0: capacity never
    falls."""

    @rule(
        "self.maxSurge > 0 || self.maxUnavailable > 0",
        "maxSurge and maxUnavailable are both 0, so that no pod could be replaced: raise one",
    )
    def can_proceed(self) -> bool:
        return self.max_surge > 0 or self.max_unavailable > 0


class Drain(Part):
    """How a pod with calls leaves: it takes no new ones, and live ones may end by themselves."""

    timeout_s: Annotated[int, Field(ge=0, le=7 * DAY_S)] = 3600
    """Seconds that live sessions of a draining pod may go on; a pod without sessions goes at once.
    Default 3600; at most a week; 0 moves them at once. Until then a draining pod can be put back to
    work."""
    notice_s: Annotated[int, Field(ge=0, le=3600)] = 10
    """Seconds after timeoutSeconds in which clients that can are moved to another pod before their
    session ends. Default 10."""
