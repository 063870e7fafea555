"""All objects that a whole fleet wants."""

from __future__ import annotations

from typing import Any

from fleets.resources import resource, spec_of
from voicemedia_operator.reconcile.objects.fleet import (
    OPTIONAL_KINDS,
    WATCHED_KINDS,
    objects_of_the_fleet,
)

EVERYTHING: dict[str, Any] = {
    "signaling": {
        "ingress": {"host": "voice.example.org"},
        "httpRoute": {"host": "voice.example.org", "gatewayName": "edge"},
    },
    "telemetry": {"monitors": True},
}
LEAST = ["Service", "PodDisruptionBudget", "NetworkPolicy"]


def kinds(known: frozenset[str] = frozenset(), **members: Any) -> list[object]:
    made = objects_of_the_fleet(resource(**members), spec_of(**members), known)
    return [each["kind"] for each in made]


def test_a_fleet_without_wishes_has_the_least() -> None:
    assert kinds(OPTIONAL_KINDS) == LEAST


def test_what_is_wished_for_is_made() -> None:
    wanted = [*LEAST, "Ingress", "HTTPRoute", "PodMonitor", "PrometheusRule"]

    assert kinds(OPTIONAL_KINDS, **EVERYTHING) == wanted


def test_a_kind_that_the_cluster_does_not_know_is_left_out() -> None:
    assert kinds(**EVERYTHING) == [*LEAST, "Ingress"]


def test_every_kind_that_is_made_is_deleted_when_it_is_no_longer_wanted() -> None:
    assert set(kinds(OPTIONAL_KINDS, **EVERYTHING)) <= WATCHED_KINDS
    assert not {"Pod", "Secret"} & WATCHED_KINDS
