"""What Ingress objects say: which request goes to which addresses. Pure.

Networking/v1 as it is documented: `Prefix` matches whole elements of a path, `Exact` all of it, the
longest path wins, `Exact` before `Prefix`, and of two that say the same the older one. Addresses
are those of the pods, from the EndpointSlices: a request does not go through the Service's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from cluster.watching import Document

SERVICE_LABEL = "kubernetes.io/service-name"


class Match(StrEnum):
    """How a path is compared."""

    EXACT = "Exact"
    PREFIX = "Prefix"


@dataclass(frozen=True, slots=True)
class Route:
    """Requests for a host (`""` for any) and a path, and who takes them, as `address:port`.

    `ends` may be empty: nobody is ready.
    """

    host: str
    match: Match
    path: str
    ends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Objects:
    """All that is known, of all namespaces."""

    ingresses: tuple[Document, ...] = ()
    services: tuple[Document, ...] = ()
    slices: tuple[Document, ...] = ()


def routes(objects: Objects, ingress_class: str) -> list[Route]:
    """Of all Ingresses of the class, one for each host, way of comparing and path."""
    found: dict[tuple[str, Match, str], Route] = {}
    for ingress in sorted(of_class(objects.ingresses, ingress_class), key=_age):
        for route in _routes_of(ingress, objects):
            found.setdefault((route.host, route.match, route.path), route)
    return [found[key] for key in sorted(found)]


def of_class(ingresses: Iterable[Document], ingress_class: str) -> list[Document]:
    """Those that name the class."""
    return [found for found in ingresses if found["spec"].get("ingressClassName") == ingress_class]


def _age(ingress: Document) -> tuple[str, str, str]:
    metadata = ingress["metadata"]
    return metadata.get("creationTimestamp", ""), metadata["namespace"], metadata["name"]


def _routes_of(ingress: Document, objects: Objects) -> Iterator[Route]:
    namespace, spec = ingress["metadata"]["namespace"], ingress["spec"]
    if "defaultBackend" in spec:
        ends = _ends(spec["defaultBackend"], namespace, objects)
        yield Route("", Match.PREFIX, "/", ends)
    for rule in spec.get("rules", []):
        for path in rule.get("http", {}).get("paths", []):
            match = Match.EXACT if path["pathType"] == "Exact" else Match.PREFIX
            wanted = path.get("path", "/")
            if match is Match.PREFIX:
                wanted = wanted.rstrip("/") or "/"
            ends = _ends(path["backend"], namespace, objects)
            yield Route(rule.get("host", ""), match, wanted, ends)


def _ends(backend: Document, namespace: str, objects: Objects) -> tuple[str, ...]:
    """The ready pods behind a Service's port, in a stable order."""
    if "service" not in backend:
        return ()
    service, port = backend["service"]["name"], backend["service"].get("port", {})
    port_names = [
        declared.get("name", "")
        for found in objects.services
        if _is(found, namespace, service)
        for declared in found["spec"].get("ports", [])
        if port in ({"name": declared.get("name")}, {"number": declared["port"]})
    ]
    ends = {
        end
        for part in objects.slices
        if part["metadata"]["namespace"] == namespace
        and part["metadata"].get("labels", {}).get(SERVICE_LABEL) == service
        for end in _ready(part, port_names)
    }
    return tuple(sorted(ends))


def _is(found: Document, namespace: str, name: str) -> bool:
    metadata: dict[str, str] = found["metadata"]
    return (metadata["namespace"], metadata["name"]) == (namespace, name)


def _ready(part: Document, port_names: list[str]) -> Iterator[str]:
    """Of one EndpointSlice; `ready` that is not said means yes."""
    ports = [port["port"] for port in part.get("ports") or [] if port.get("name", "") in port_names]
    for endpoint in part.get("endpoints") or []:
        if endpoint.get("conditions", {}).get("ready") in (True, None):
            for address in endpoint["addresses"]:
                shown = f"[{address}]" if ":" in address else address
                yield from (f"{shown}:{port}" for port in ports)
