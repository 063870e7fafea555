"""Documents of the API server, as what was seen."""

from __future__ import annotations

from typing import Any

import pytest

from voicemedia_operator.reconcile.observed import Instance, Resource
from voicemedia_operator.reconcile.reading import read_pod, read_resource, read_time
from voicemedia_operator.spec.status import Phase, Status


def resource_document(**members: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "voice", "namespace": "calls", "uid": "u-1", "generation": 4},
        "spec": {"image": "media:1"},
        **members,
    }


def pod_document(**members: Any) -> dict[str, Any]:
    """A pod that runs and is ready."""
    return {
        "metadata": {
            "name": "voice-ab12c-00000",
            "uid": "p-1",
            "creationTimestamp": "2026-11-25T10:00:00Z",
            "labels": {"voicemedia.dev/revision": "ab12c34d56", "voicemedia.dev/serving": "true"},
            "annotations": {"voicemedia.dev/number": "7", "voicemedia.dev/attempt": "2"},
        },
        "spec": {"nodeName": "node-1"},
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.7",
            "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-25T10:00:05Z"}
            ],
            "containerStatuses": [{"name": "media", "state": {"running": {}}}],
        },
        **members,
    }


def waiting(reason: str, message: str = "", last: dict[str, Any] | None = None) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"containerStatuses": [{"name": "media", "state": state, "lastState": last or {}}]}


def test_a_resource_is_read_with_its_spec_and_without_a_status() -> None:
    resource = read_resource(resource_document())

    assert (resource.name, resource.namespace, resource.uid) == ("voice", "calls", "u-1")
    assert resource.generation == 4
    assert resource.spec is not None
    assert resource.spec.image == "media:1"
    assert resource.status == Status()
    assert not resource.is_deleting


def test_faults_of_a_spec_are_listed_and_nothing_is_raised() -> None:
    resource = read_resource(resource_document(spec={"replicas": "3"}))

    assert resource.spec is None
    assert {fault.member for fault in resource.faults} == {"spec.image", "spec.replicas"}
    assert resource.members == {"replicas": "3"}


def test_status_is_read_back_as_it_was_written() -> None:
    written = Status(phase=Phase.READY, replicas=3)
    document = written.model_dump(mode="json", by_alias=True, exclude_none=True)

    assert read_resource(resource_document(status=document)).status == written


def test_a_status_that_is_none_of_ours_counts_as_none() -> None:
    assert read_resource(resource_document(status={"phase": "Odd"})).status == Status()


def deleted(finalizers: list[str]) -> Resource:
    metadata = {"name": "voice", "namespace": "calls", "uid": "u-1", "finalizers": finalizers}
    deletion = {"deletionTimestamp": "2026-11-25T10:00:00Z"}
    return read_resource(resource_document(metadata=metadata | deletion))


def test_a_resource_that_is_deleted_says_so_and_whether_it_waits_for_us() -> None:
    assert deleted(["voicemedia.dev/drain"]).is_deleting
    assert deleted(["voicemedia.dev/drain"]).has_finalizer
    assert not deleted(["another.example/one"]).has_finalizer


def test_a_pod_is_read_with_its_place_and_what_the_operator_remembers_on_it() -> None:
    pod = read_pod(pod_document())

    assert (pod.name, pod.uid, pod.revision) == ("voice-ab12c-00000", "p-1", "ab12c34d56")
    assert (pod.number, pod.attempt) == (7, 2)
    assert (pod.node, pod.ip, pod.port) == ("node-1", "10.0.0.7", None)
    assert pod.is_running
    assert pod.is_ready
    assert pod.ready_changed_unix_s == pod.created_unix_s + 5
    assert pod.is_serving
    assert not pod.is_draining
    assert not pod.is_terminating
    assert not pod.trouble


def test_a_pod_of_which_nothing_is_known_yet_does_not_run() -> None:
    pod = read_pod({"metadata": {"name": "voice-1", "uid": "p-1"}})

    assert not pod.is_running
    assert not pod.is_ready
    assert not pod.is_serving
    assert pod.sessions == 0


def test_marks_of_a_drain_are_read() -> None:
    document = pod_document()
    document["metadata"]["labels"] = {"voicemedia.dev/busy": "true"}
    document["metadata"]["annotations"] = {
        "voicemedia.dev/drain-since": "2026-11-25T10:00:00Z",
        "voicemedia.dev/drain-cause": "update",
        "voicemedia.dev/serving-since": "2026-11-25T10:00:01Z",
        "voicemedia.dev/port": "31004",
    }
    pod = read_pod(document)

    assert pod.drain_since_unix_s == pod.created_unix_s
    assert pod.drain_cause == "update"
    assert pod.serving_since_unix_s == pod.created_unix_s + 1
    assert not pod.is_serving
    assert pod.is_busy
    assert pod.port == 31004


def test_sessions_of_a_pod_that_runs_and_does_not_answer_are_unknown() -> None:
    assert read_pod(pod_document()).sessions is None
    assert read_pod(pod_document(), Instance(10, 4, 3, 1, False)).sessions == 4


@pytest.mark.parametrize(
    ("status", "trouble", "message"),
    [
        (waiting("ContainerCreating"), "", ""),
        (waiting("ImagePullBackOff", "no such image"), "ImagePullBackOff", "no such image"),
        (
            waiting("CrashLoopBackOff", "back-off", {"terminated": {"exitCode": 2}}),
            "CrashLoopBackOff",
            "exit code 2: back-off",
        ),
        (
            waiting("CrashLoopBackOff", "x", {"terminated": {"exitCode": 2, "message": "udp\n"}}),
            "CrashLoopBackOff",
            "exit code 2: udp",
        ),
        ({"phase": "Failed", "reason": "Evicted", "message": "disk"}, "Evicted", "disk"),
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "no room",
                    }
                ]
            },
            "Unschedulable",
            "no room",
        ),
    ],
)
def test_the_trouble_of_a_pod_is_what_kubernetes_says_of_it(
    status: dict[str, Any], trouble: str, message: str
) -> None:
    pod = read_pod(pod_document(status=status))

    assert (pod.trouble, pod.trouble_message) == (trouble, message)
    assert not pod.is_running


def test_a_pod_that_ended_says_when() -> None:
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-11-25T10:00:09Z"}}
    status = {"phase": "Failed", "containerStatuses": [{"name": "media", "state": ended}]}
    pod = read_pod(pod_document(status=status))

    assert pod.has_ended
    assert pod.ended_unix_s == pod.created_unix_s + 9
    assert (pod.trouble, pod.trouble_message) == ("Error", "exit code 1")


def test_what_is_said_of_a_container_beside_the_media_server_does_not_count() -> None:
    ended = {"name": "a-proxy", "state": {"terminated": {"reason": "Error", "exitCode": 1}}}
    runs = {"name": "media", "state": {"running": {}}}
    status = {"phase": "Running", "containerStatuses": [ended, runs]}
    pod = read_pod(pod_document(status=status))

    assert pod.is_running
    assert pod.sessions is None
    assert not pod.trouble


@pytest.mark.parametrize("containers", [[], None, [{"name": "a-proxy", "state": {}}]])
def test_a_pod_that_runs_without_a_word_of_its_media_server_may_have_calls(
    containers: list[dict[str, Any]] | None,
) -> None:
    status = {"phase": "Running", "containerStatuses": containers}

    assert read_pod(pod_document(status=status)).is_running
    assert read_pod(pod_document(status=status)).sessions is None
    assert not read_pod(pod_document(status={**status, "phase": "Pending"})).is_running


@pytest.mark.parametrize("text", [None, 3, "", "soon", "2026-11-25T10:00:00"])
def test_what_is_no_time_is_none(text: object) -> None:
    assert read_time(text) is None


@pytest.mark.parametrize("text", ["-1", "1.5", "9" * 10, "9" * 5000, "", "²"])
def test_a_number_of_an_annotation_that_is_none_of_ours_is_none(text: str) -> None:
    document = pod_document()
    names = ("number", "attempt", "port")
    document["metadata"]["annotations"] = {f"voicemedia.dev/{name}": text for name in names}
    pod = read_pod(document)

    assert (pod.number, pod.attempt, pod.port) == (0, 0, None)


@pytest.mark.parametrize("text", ["0", "65536"])
def test_what_is_no_port_is_none(text: str) -> None:
    document = pod_document()
    document["metadata"]["annotations"] = {"voicemedia.dev/port": text}

    assert read_pod(document).port is None


@pytest.mark.parametrize(
    "text",
    ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"],
)
def test_a_time_that_is_far_away_can_still_be_reckoned_with(text: str) -> None:
    found = read_time(text)

    assert found is not None
    assert 0 <= found <= 1 << 33


def test_a_time_is_read_in_any_zone() -> None:
    assert read_time("1970-01-01T01:00:00+01:00") == 0
