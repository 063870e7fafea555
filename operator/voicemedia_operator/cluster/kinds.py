"""The kinds of objects that the operator reads or writes, and where the API has them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from voicemedia_operator.spec.voice_media_server import GROUP, KIND, PLURAL, VERSION

Document = dict[str, Any]
"""A Kubernetes object, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object. `group` is empty for the core of Kubernetes."""

    group: str
    version: str
    name: str
    plural: str
    is_namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As an object's `apiVersion` has it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_path(self) -> str:
        """Where the API server lists the kinds of the group."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str | None = None, name: str = "", part: str = "") -> str:
        """Of one object, or of all; in one namespace, or (`None`) in all. `part` is a subresource
        such as `status`."""
        found = self.group_path
        if self.is_namespaced and namespace is not None:
            found += f"/namespaces/{namespace}"
        found += f"/{self.plural}"
        return found + "".join(f"/{each}" for each in (name, part) if each)


VOICE_MEDIA_SERVER = Kind(GROUP, VERSION, KIND, PLURAL)
POD = Kind("", "v1", "Pod", "pods")
SERVICE = Kind("", "v1", "Service", "services")
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
SECRET = Kind("", "v1", "Secret", "secrets")
NODE = Kind("", "v1", "Node", "nodes", is_namespaced=False)
EVENT = Kind("events.k8s.io", "v1", "Event", "events")
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
INGRESS = Kind("networking.k8s.io", "v1", "Ingress", "ingresses")
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
BUDGET = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
HTTP_ROUTE = Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
POD_MONITOR = Kind("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors")
PROMETHEUS_RULE = Kind("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules")

ALL = (
    *(VOICE_MEDIA_SERVER, POD, SERVICE, CONFIG_MAP, SECRET, NODE, EVENT, LEASE),
    *(INGRESS, NETWORK_POLICY, BUDGET, HTTP_ROUTE, POD_MONITOR, PROMETHEUS_RULE),
)
OPTIONAL = (HTTP_ROUTE, POD_MONITOR, PROMETHEUS_RULE)
"""Those that only some clusters have."""
OWNED = (POD, SERVICE, CONFIG_MAP, INGRESS, NETWORK_POLICY, BUDGET)
"""Those of which every resource has some, and that are watched. Secrets are not: to watch them is
to read all of them."""
_BY_NAME = {(kind.api_version, kind.name): kind for kind in ALL}


class KindUnknown(LookupError):
    """The operator has nothing to do with objects of this kind."""


def kind_named(name: str) -> Kind:
    """By `kind` alone, which is unambiguous among ours. Raises `KindUnknown`."""
    for kind in ALL:
        if kind.name == name:
            return kind
    raise KindUnknown(f"{name} is no kind that we know")


def kind_of(document: Document) -> Kind:
    """By `apiVersion` and `kind`. Raises `KindUnknown`."""
    named = (document.get("apiVersion", ""), document.get("kind", ""))
    try:
        return _BY_NAME[named]
    except KeyError:
        raise KindUnknown(f"{named[1]} of {named[0]} is no kind that we know") from None
