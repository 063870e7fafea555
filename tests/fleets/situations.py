"""Situations, with good defaults."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fleets.resources import NOW, REVISION, resource
from voicemedia_operator.reconcile.observed import Observed, Pod, Resource
from voicemedia_operator.reconcile.replacing import Wish
from voicemedia_operator.reconcile.rollout import share_in_force
from voicemedia_operator.reconcile.situation import Situation


def situation(
    *pods: Pod, given: Resource | None = None, observed: Observed | None = None, **wish: Any
) -> Situation:
    """These pods, of which one is wanted."""
    given = given or resource()
    assert given.spec is not None
    seen = replace(observed or Observed(), pods=pods)
    members: dict[str, Any] = {"replicas": 1, "revision": REVISION, **wish}
    return Situation(
        given,
        given.spec,
        seen,
        Wish(update=given.spec.update, drain=given.spec.drain, **members),
        share_in_force(given, given.spec, seen, NOW),
        NOW,
    )
