"""What the Pod Security Standard `restricted` wants, and a little more. Pure.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

HARMLESS_VOLUMES = frozenset({"configMap", "secret", "emptyDir", "projected", "downwardAPI"})


def faults(pod: Mapping[str, Any]) -> Iterator[str]:
    """Of a pod's spec: a sentence for each thing that is not as it should be."""
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True:
        yield "it may run as root"
    if context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "system calls are not filtered"
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield f"{name} is on"
    for volume in pod.get("volumes", ()):
        if not set(volume) - {"name"} <= HARMLESS_VOLUMES:
            yield f"volume {volume['name']} is of the node"
    if pod.get("automountServiceAccountToken") is None:
        yield "it is not said whether it speaks to the API server"
    for container in (*pod["containers"], *pod.get("initContainers", ())):
        for fault in _faults_of_container(container):
            yield f"container {container['name']}: {fault}"


def _faults_of_container(container: Mapping[str, Any]) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False:
        yield "privileges may rise"
    if context.get("privileged"):
        yield "it is privileged"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "its files may be written"
    capabilities = context.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
        yield "it keeps capabilities"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys():
        yield "it does not say what it needs"
    if "memory" not in resources.get("limits", {}):
        yield "its memory has no limit"
