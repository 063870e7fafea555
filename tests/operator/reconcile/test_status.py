"""Status of a resource, from what was seen."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from fleets.resources import NOW, OLD_REVISION, draining, pod, resource, starting
from fleets.situations import situation
from voicemedia_operator.crd.definition import whole_schema
from voicemedia_operator.reconcile.observed import Pod
from voicemedia_operator.reconcile.status import status_of
from voicemedia_operator.reconcile.troubles import Trouble
from voicemedia_operator.spec.status import Phase, PodPhase, Status


def status(*pods: Pod, found: tuple[Trouble, ...] = (), **members: Any) -> Status:
    return status_of(situation(*pods, **members), found)


@pytest.mark.parametrize(
    ("pods", "members", "phase"),
    [
        ([], {}, Phase.PENDING),
        ([starting("a")], {}, Phase.PROGRESSING),
        ([pod("a")], {}, Phase.READY),
        ([pod("a"), draining("b", 2)], {}, Phase.READY),
        ([pod("a", revision=OLD_REVISION)], {}, Phase.PROGRESSING),
        ([pod("a")], {"found": (Trouble("X", "x"),)}, Phase.DEGRADED),
        ([pod("a")], {"given": resource(paused=True)}, Phase.PAUSED),
        ([pod("a")], {"is_deleting": True}, Phase.DELETING),
        ([], {"replicas": 0}, Phase.READY),
    ],
)
def test_a_resource_is_told_in_one_word(
    pods: list[Pod], members: dict[str, Any], phase: Phase
) -> None:
    assert status(*pods, **members).phase is phase


def test_sessions_of_draining_pods_count_and_their_places_do_not() -> None:
    found = status(pod("a", 100), draining("b", 7))

    assert found.sessions.total == 107
    assert (found.capacity.max_sessions, found.capacity.free_sessions) == (500, 400)


def test_the_last_revision_that_was_whole_stays_the_stable_one() -> None:
    whole = status(pod("a"), replicas=1)
    assert whole.revisions.stable == whole.revisions.wanted

    given = resource()
    kept = situation(starting("a"), given=given)
    assert status_of(kept, ()).revisions.stable == ""


def test_only_a_pod_that_waits_for_calls_shows_its_deadline() -> None:
    found = {each.name: each for each in status(pod("a"), draining("b", 1), draining("c", 0)).pods}

    assert found["a"].drain_deadline is None
    assert found["b"].drain_deadline is not None
    assert found["b"].drain_deadline.timestamp() == NOW - 60 + 3600
    assert (found["c"].phase, found["c"].drain_deadline) == (PodPhase.DRAINED, None)


def test_the_selector_is_text_for_the_scale_subresource() -> None:
    assert "voicemedia.dev/resource=voice" in status().selector.split(",")


def test_status_is_what_the_schema_of_the_resource_takes() -> None:
    found = status(pod("a", 3, port=31000), starting("b"), draining("c", 2))
    document = json.loads(found.model_dump_json(by_alias=True, exclude_none=True))
    schema: Any = whole_schema()

    jsonschema.validate(document, schema["properties"]["status"])
