"""Objects for tests of the media server on a cluster, before an operator makes them. Pure."""

from __future__ import annotations

from cluster.watching import Document

HTTP_PORT = 8080
MEDIA_PORT = 3478
USER = 65532


def media_pod(name: str, image: str, **environment: str) -> Document:
    """A pod as strict as the restricted standard, with a file system that cannot be written.

    `environment` are settings of the server, by their variables.
    """
    container = {
        "name": "media",
        "image": image,
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT},
            {"name": "media", "containerPort": MEDIA_PORT, "protocol": "UDP"},
        ],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 1},
        "livenessProbe": {"httpGet": {"path": "/livez", "port": "http"}, "periodSeconds": 5},
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "containers": [container],
            "terminationGracePeriodSeconds": 60,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        },
    }


def service(name: str) -> Document:
    """In front of the pods whose label is its name."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    }


def ingress(name: str, path: str) -> Document:
    """Of the cluster's default class; what is under the path goes to the Service of that name."""
    backend = {"service": {"name": name, "port": {"name": "http"}}}
    paths = [{"path": path, "pathType": "Prefix", "backend": backend}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name},
        "spec": {"rules": [{"http": {"paths": paths}}]},
    }
