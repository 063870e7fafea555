"""Builders of objects for the tests of this folder; a test says only what matters to it."""

from __future__ import annotations

from cluster.ingress.routes import SERVICE_LABEL, Objects
from cluster.watching import Document

CLASS = "ours"


def a_path(
    path: str = "/", service: str = "web", kind: str = "Prefix", port: Document | None = None
) -> Document:
    """To port 80 of a Service unless said otherwise."""
    backend = {"service": {"name": service, "port": port or {"number": 80}}}
    return {"path": path, "pathType": kind, "backend": backend}


def an_ingress(
    *paths: Document, host: str = "", name: str = "web", created: str = "2026-01-01T00:00:00Z"
) -> Document:
    """Of our class, in the namespace `a`, with one rule."""
    rule: Document = {"http": {"paths": list(paths)}}
    if host:
        rule["host"] = host
    metadata = {"namespace": "a", "name": name, "creationTimestamp": created}
    return {"metadata": metadata, "spec": {"ingressClassName": CLASS, "rules": [rule]}}


def a_service(name: str = "web", *ports: Document) -> Document:
    """With the port 80, called http, unless said otherwise."""
    declared = list(ports) or [{"name": "http", "port": 80}]
    return {"metadata": {"namespace": "a", "name": name}, "spec": {"ports": declared}}


def a_slice(*ready: str, service: str = "web", waiting: tuple[str, ...] = ()) -> Document:
    """Of pods whose port http is 8080."""
    endpoints = [{"addresses": [address], "conditions": {"ready": True}} for address in ready]
    endpoints += [{"addresses": [address], "conditions": {"ready": False}} for address in waiting]
    return {
        "metadata": {"namespace": "a", "labels": {SERVICE_LABEL: service}},
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": endpoints,
    }


def objects(*ingresses: Document, **others: tuple[Document, ...]) -> Objects:
    """With the Service web and one ready pod, unless said otherwise."""
    services = others.get("services", (a_service(),))
    return Objects(ingresses, services, others.get("slices", (a_slice("10.0.0.1"),)))
