"""The place of each pod that is made: its number, and how clients' media reaches it.

In modes NodePort and LoadBalancer a pod has a Service of its own, which is made before the pod:
only then the address is known that the pod tells its clients. So such a pod is made by a later
plan, under the same number.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voicemedia_operator.reconcile.names import pod_name
from voicemedia_operator.reconcile.objects.pod import Place
from voicemedia_operator.reconcile.observed import Document, Observed, Pod
from voicemedia_operator.spec.media import Exposure, ExposureMode

WITH_SERVICES = frozenset({ExposureMode.NODE_PORT, ExposureMode.LOAD_BALANCER})


@dataclass(frozen=True, slots=True)
class Births:
    """`places`: of pods that can be made now. `services`: names of pods, made or to be made, that
    want a Service of their own."""

    places: tuple[Place, ...] = ()
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """What names of pods are made of."""

    resource: str
    revision: str


def births(exposure: Exposure, names: Names, attempts: Sequence[int], observed: Observed) -> Births:
    """For pods with these attempts: as many as there are ports or addresses for."""
    numbered = list(zip(_free_numbers(names, observed.pods), attempts, strict=False))
    match exposure.mode:
        case ExposureMode.HOST_PORT:
            ports = free_ports(exposure, observed.pods)
            return Births(
                tuple(
                    Place(number, attempt, port=port)
                    for (number, attempt), port in zip(numbered, ports, strict=False)
                )
            )
        case mode if mode in WITH_SERVICES:
            made = [pod.name for pod in observed.pods if not pod.has_ended]
            new = [pod_name(names.resource, names.revision, number) for number, _ in numbered]
            found = zip(numbered, map(_services(observed).get, new), strict=True)
            return Births(tuple(_served(exposure, found)), (*made, *new))
        case _:
            return Births(tuple(Place(number, attempt) for number, attempt in numbered))


def _free_numbers(names: Names, pods: Sequence[Pod]) -> Iterator[int]:
    """From the highest on, but for those whose name a pod has: names are short, and people write
    numbers too."""
    taken = {pod.name for pod in pods}
    first = max((pod.number for pod in pods), default=0) + 1
    for number in itertools.count(first):
        if pod_name(names.resource, names.revision, number) not in taken:
            yield number


def free_ports(exposure: Exposure, pods: Sequence[Pod]) -> tuple[int, ...]:
    """Of the range: one is a pod's until the pod is gone."""
    if exposure.port_range is None:
        return ()
    taken = {pod.port for pod in pods}
    whole = range(exposure.port_range.first, exposure.port_range.last + 1)
    return tuple(port for port in whole if port not in taken)


def _services(observed: Observed) -> Mapping[str, Document]:
    return {key.name: seen for key, seen in observed.objects.items() if key.kind == "Service"}


def _served(
    exposure: Exposure, found: Iterator[tuple[tuple[int, int], Document | None]]
) -> Iterator[Place]:
    for (number, attempt), service in found:
        if service is None:
            continue
        if exposure.mode is ExposureMode.NODE_PORT:
            port = node_port(service)
            if port is not None:
                yield Place(number, attempt, port=port)
        elif (address := balanced_address(service)) is not None:
            yield Place(number, attempt, address=address)


def node_port(service: Any) -> int | None:
    """That Kubernetes gave it for media over UDP."""
    ports = (service.get("spec") or {}).get("ports") or ()
    return next((each.get("nodePort") for each in ports if each.get("protocol") == "UDP"), None)


def balanced_address(service: Any) -> str | None:
    """That a load balancer gave it; one with a host name only has none, as ICE wants it."""
    ways = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return next((each["ip"] for each in ways if each.get("ip")), None)


def has_only_a_name(service: Any) -> bool:
    """Its load balancer is reached by a host name alone."""
    ways = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return bool(ways) and balanced_address(service) is None
