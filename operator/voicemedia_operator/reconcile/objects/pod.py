"""A media pod, and the revision that it is of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from voicemedia_operator.reconcile.names import (
    TRUE,
    Annotation,
    Label,
    digest,
    flags_config_map,
    fleet_secret,
    pod_name,
)
from voicemedia_operator.reconcile.objects.manifest import Manifest, owned, pods_of
from voicemedia_operator.reconcile.objects.secret import tokens_reference
from voicemedia_operator.reconcile.objects.settings import (
    ADMIN_KEY,
    FLAGS_FOLDER,
    FLAGS_KEY,
    FLEET_FOLDER,
    FLEET_KEY,
    JWKS_FOLDER,
    TOKENS_FOLDER,
    TOKENS_KEY,
    TURN_FOLDER,
    advertised_address,
    environment,
)
from voicemedia_operator.reconcile.observed import Resource
from voicemedia_operator.reconcile.reading import CONTAINER
from voicemedia_operator.spec.media import ADMIN_PORT, HTTP_PORT, ExposureMode
from voicemedia_operator.spec.parts import Part, SecretKeyRef
from voicemedia_operator.spec.voice_media_server import Spec

MEDIA_UDP = "media-udp"
MEDIA_TCP = "media-tcp"
GROUP = 65532
"""Group of the files of Secrets: the image's own user is in it."""
READ_BY_GROUP = 0o440


@dataclass(frozen=True, slots=True)
class Place:
    """What one pod has for itself. `number` rises with each; `attempt`: how many before it failed
    in its place; `port`: its port of the node, where that is not the pod's; `address`: its
    address, where that is neither its own nor its node's."""

    number: int
    attempt: int = 0
    port: int | None = None
    address: str | None = None


NOWHERE = Place(0)
"""Of the pod that stands for all pods of a revision."""


def revision_of(resource: Resource, spec: Spec) -> str:
    """Stands for image, settings and template: pods of one revision are made alike."""
    metadata = {"labels": dict(spec.pod.labels), "annotations": dict(spec.pod.annotations)}
    return digest({"metadata": metadata, "spec": _pod_spec(resource, spec, NOWHERE)})


def pod_manifest(resource: Resource, spec: Spec, place: Place) -> Manifest:
    """The pod at this place, which takes sessions as soon as it is ready."""
    revision = revision_of(resource, spec)
    name = pod_name(resource.name, revision, place.number)
    annotations = dict(spec.pod.annotations) | {
        Annotation.NUMBER.value: str(place.number),
        Annotation.ATTEMPT.value: str(place.attempt),
    }
    if place.port is not None:
        annotations[Annotation.PORT.value] = str(place.port)
    labels = dict(spec.pod.labels) | {
        Label.REVISION.value: revision,
        Label.POD.value: name,
        Label.SERVING.value: TRUE,
    }
    return owned(
        resource,
        "Pod",
        name,
        labels=labels,
        annotations=annotations,
        spec=_pod_spec(resource, spec, place),
    )


def _pod_spec(resource: Resource, spec: Spec, place: Place) -> dict[str, Any]:
    given = spec.pod
    is_on_host = spec.media.exposure.mode is ExposureMode.HOST_NETWORK
    volumes = list(_volumes(resource, spec))
    members: dict[str, Any] = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": spec.grace_s,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": GROUP,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(resource, spec, place)],
        "volumes": [volume for volume, _ in volumes],
        "serviceAccountName": given.service_account_name,
        "priorityClassName": given.priority_class_name,
        "nodeSelector": dict(given.node_selector),
        "tolerations": [_members(each) for each in given.tolerations],
        "hostNetwork": True if is_on_host else None,
        "dnsPolicy": "ClusterFirstWithHostNet" if is_on_host else None,
        "affinity": _affinity(resource, dict(given.affinity or {}), is_on_host),
        "topologySpreadConstraints": [dict(each) for each in given.topology_spread_constraints],
        "imagePullSecrets": [{"name": name} for name in given.image_pull_secrets],
    }
    return {name: value for name, value in members.items() if value not in (None, [], {})}


def _affinity(resource: Resource, given: dict[str, Any], is_on_host: bool) -> dict[str, Any]:
    """What people wish; on the nodes' own network never two pods on one."""
    if not is_on_host:
        return given
    apart = {
        "labelSelector": {"matchLabels": pods_of(resource.name)},
        "topologyKey": "kubernetes.io/hostname",
    }
    among_pods = dict(given.get("podAntiAffinity") or {})
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    among_pods[required] = [*(among_pods.get(required) or ()), apart]
    return {**given, "podAntiAffinity": among_pods}


def _members(part: Part) -> dict[str, Any]:
    return part.model_dump(mode="json", by_alias=True, exclude_none=True)


def _container(resource: Resource, spec: Spec, place: Place) -> dict[str, Any]:
    exposure = spec.media.exposure
    advertised = advertised_address(exposure, place.port, place.address)
    media: dict[str, Any] = {"containerPort": exposure.mux_port}
    if exposure.mode is ExposureMode.HOST_PORT and place.port is not None:
        media["hostPort"] = place.port
    return {
        "name": CONTAINER,
        "image": spec.image,
        "imagePullPolicy": spec.pod.image_pull_policy.value,
        "env": environment(resource, spec, advertised),
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"},
            {"name": "admin", "containerPort": ADMIN_PORT, "protocol": "TCP"},
            {"name": MEDIA_UDP, "protocol": "UDP", **media},
            {"name": MEDIA_TCP, "protocol": "TCP", **media},
        ],
        "resources": _members(spec.pod.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "startupProbe": _probe("/livez", periodSeconds=1, failureThreshold=60),
        "livenessProbe": _probe("/livez", periodSeconds=5, failureThreshold=6),
        # Often, since a pod that is taken back shall get sessions at once.
        "readinessProbe": _probe("/readyz", periodSeconds=1, failureThreshold=3),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [mount for _, mount in _volumes(resource, spec)],
    }


def _probe(path: str, **members: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 3, **members}


def _volumes(resource: Resource, spec: Spec) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each volume with its mount."""
    fleet = _secret(fleet_secret(resource.name), {FLEET_KEY: FLEET_KEY, ADMIN_KEY: ADMIN_KEY})
    yield _volume("fleet", FLEET_FOLDER, fleet)
    items = [{"key": FLAGS_KEY, "path": FLAGS_KEY}]
    flags = {"configMap": {"name": flags_config_map(resource.name), "items": items}}
    yield _volume("flags", FLAGS_FOLDER, flags)
    tokens = tokens_reference(resource, spec)
    if tokens is not None:
        yield _volume("tokens", TOKENS_FOLDER, _secret(tokens.name, {tokens.key: TOKENS_KEY}))
    if spec.media.turn_secret_ref is not None:
        yield _volume("turn", TURN_FOLDER, _one_key(spec.media.turn_secret_ref))
    jwt = spec.signaling.auth.jwt
    if jwt is not None and jwt.jwks_secret_ref is not None:
        yield _volume("jwks", JWKS_FOLDER, _one_key(jwt.jwks_secret_ref))


def _one_key(reference: SecretKeyRef) -> dict[str, Any]:
    return _secret(reference.name, {reference.key: reference.key})


def _secret(name: str, paths: dict[str, str]) -> dict[str, Any]:
    items = [{"key": key, "path": path} for key, path in paths.items()]
    return {"secret": {"secretName": name, "defaultMode": READ_BY_GROUP, "items": items}}


def _volume(
    name: str, folder: str, source: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"name": name, **source}, {"name": name, "mountPath": folder, "readOnly": True}
