"""What was seen: a pod's word about itself."""

from __future__ import annotations

from typing import Any

import pytest

from voicemedia_operator.reconcile.observed import Instance, Pod
from voicemedia_rollout.figures import Report


def instance_document(**members: Any) -> dict[str, Any]:
    return {
        "url": "http://10.0.0.7:8080",
        "version": "0.1.0",
        "max_sessions": 500,
        "sessions": 7,
        "sessions_by_transport": {"webrtc": 5, "websocket": 2},
        "is_draining": False,
        "drain_ends_unix_s": None,
        "flags_revision": 4,
        "registry_reachable": True,
        "report": None,
        **members,
    }


def test_what_a_pod_says_of_itself_is_read() -> None:
    instance = Instance.decode(instance_document())

    assert instance == Instance(500, 7, 5, 2, False, None, 4, True, None)


def test_members_that_are_new_are_passed_over() -> None:
    assert Instance.decode(instance_document(colour="blue")).sessions == 7


def test_the_end_of_a_drain_and_a_report_are_read_where_there_are_any() -> None:
    report = Report(4)
    members = instance_document(drain_ends_unix_s=90.5, report=report.encode())
    instance = Instance.decode(members)

    assert instance.drain_ends_unix_s == 90
    assert instance.report is not None
    assert instance.report.revision == 4


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("max_sessions", "500"),
        ("sessions", -1),
        ("sessions", True),
        ("sessions", float("nan")),
        ("sessions_by_transport", None),
        ("is_draining", "no"),
        ("drain_ends_unix_s", "soon"),
        ("registry_reachable", None),
        ("report", []),
        ("report", {"revision": "one"}),
    ],
)
def test_what_is_no_such_document_is_refused_by_name(member: str, value: object) -> None:
    with pytest.raises(ValueError, match=member if member != "report" else "report|revision"):
        Instance.decode(instance_document(**{member: value}))


def test_a_pod_that_does_not_run_has_no_sessions() -> None:
    assert Pod("voice-1", "p-1", "ab12c", 0).sessions == 0
    assert Pod("voice-1", "p-1", "ab12c", 0, is_running=True).sessions is None
