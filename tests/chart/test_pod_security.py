"""Each thing that a pod must not do is noticed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from chart.pod_security import faults

STRICT: dict[str, Any] = {
    "automountServiceAccountToken": False,
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "settings", "configMap": {"name": "settings"}}],
    "containers": [
        {
            "name": "one",
            "resources": {
                "requests": {"cpu": "1", "memory": "1Gi"},
                "limits": {"memory": "1Gi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
        }
    ],
}
Change = Callable[[dict[str, Any], dict[str, Any]], object]
"""Takes the pod and its container."""

LOOSE: dict[str, Change] = {
    "root": lambda pod, _: pod["securityContext"].pop("runAsNonRoot"),
    "system calls": lambda pod, _: pod["securityContext"].pop("seccompProfile"),
    "hostNetwork": lambda pod, _: pod.update(hostNetwork=True),
    "hostPID": lambda pod, _: pod.update(hostPID=True),
    "hostIPC": lambda pod, _: pod.update(hostIPC=True),
    "of the node": lambda pod, _: pod["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
    "speaks to the API": lambda pod, _: pod.pop("automountServiceAccountToken"),
    "may rise": lambda _, one: one["securityContext"].pop("allowPrivilegeEscalation"),
    "is privileged": lambda _, one: one["securityContext"].update(privileged=True),
    "may be written": lambda _, one: one["securityContext"].pop("readOnlyRootFilesystem"),
    "keeps capabilities": lambda _, one: one["securityContext"]["capabilities"].update(add=["X"]),
    "what it needs": lambda _, one: one["resources"]["requests"].pop("cpu"),
    "no limit": lambda _, one: one["resources"].pop("limits"),
}


def test_a_strict_pod_has_no_faults() -> None:
    assert list(faults(STRICT)) == []


@pytest.mark.parametrize("named", LOOSE)
def test_a_loose_pod_has_one_fault_that_names_what_is_loose(named: str) -> None:
    pod = copy.deepcopy(STRICT)

    LOOSE[named](pod, pod["containers"][0])

    (fault,) = faults(pod)
    assert named in fault


def test_containers_that_come_first_are_looked_at_too() -> None:
    pod = copy.deepcopy(STRICT)
    pod["initContainers"] = [{**pod["containers"][0], "name": "first", "securityContext": {}}]

    assert all(fault.startswith("container first: ") for fault in faults(pod))
    assert list(faults(pod))
