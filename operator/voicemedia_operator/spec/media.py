"""`spec.media`: what a media pod carries, and the addresses under which clients reach it."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from voicemedia_operator.spec.parts import DAY_S, Part, Port, SecretKeyRef, rule

HTTP_PORT = 8080
ADMIN_PORT = 8081
LEARNED_BY_STUN = "stun"

IceUrl = Annotated[
    str, Field(max_length=512, pattern=r"^(stun|stuns|turn|turns):[^\s/<>\"][^\s<>\"]*$")
]


class ExposureMode(StrEnum):
    """Ways for clients' media to a pod."""

    POD_IP = "PodIP"
    HOST_PORT = "HostPort"
    HOST_NETWORK = "HostNetwork"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"


class PortRange(Part):
    """A range of port numbers, both ends included."""

    first: Port
    """Lowest port of the range, 1 to 65535."""
    last: Port
    """Highest port of the range, 1 to 65535; not below first."""

    @rule("self.first <= self.last", "the range is not in order: first must not be above last")
    def is_in_order(self) -> bool:
        return self.first <= self.last


class Exposure(Part):
    """How clients' media reaches the pods."""

    mode: ExposureMode = ExposureMode.POD_IP
    """How media reaches a pod. PodIP: clients reach pod addresses, as in a cluster whose network is
    routed to them, or through a TURN server or STUNner. HostPort: each pod has a port of portRange
    on its node. HostNetwork: the pod has the node's network, one pod a node. NodePort: each pod has
    a NodePort Service of its own. LoadBalancer: each pod has a LoadBalancer Service of its own.
    Default PodIP. It cannot change while pods run: set replicas to 0 for that."""
    port_range: PortRange | None = None
    """Ports of the nodes that pods are given in mode HostPort, one a pod: it bounds how many pods
    can run, those that drain included. Needed with HostPort, refused with all other modes."""
    mux_port: Port = 3478
    """The one port of the pod on which all its media comes, UDP and ICE-TCP. Default 3478, which is
    STUN's own and which firewalls often let pass. Not 8080 or 8081, where the pod's HTTP is."""
    advertised_address: Annotated[str, Field(min_length=1, max_length=45)] | None = None
    """The address that clients are told, if it is not the one that the operator finds: an IPv4 or
    IPv6 address, or stun for the one that public STUN servers see. Unset, clients are told the
    pod's address (PodIP), the node's as its kubelet has it, which in clouds is the one within
    their network (HostPort, HostNetwork, NodePort), or the address of the pod's Service
    (LoadBalancer)."""

    @rule(
        "self.mode != 'HostPort' || has(self.portRange)",
        "mode HostPort needs portRange: the ports of the nodes that pods may be given",
    )
    def has_ports_to_give(self) -> bool:
        return self.mode is not ExposureMode.HOST_PORT or self.port_range is not None

    @rule(
        "self.mode == 'HostPort' || !has(self.portRange)",
        "portRange is only of use with mode HostPort: remove it, or set mode to HostPort",
    )
    def has_use_for_the_range(self) -> bool:
        return self.mode is ExposureMode.HOST_PORT or self.port_range is None

    @rule(
        f"self.muxPort != {HTTP_PORT} && self.muxPort != {ADMIN_PORT}",
        f"muxPort {HTTP_PORT} and {ADMIN_PORT} are taken by the pod's HTTP: choose another port",
    )
    def has_a_free_port(self) -> bool:
        return self.mux_port not in (HTTP_PORT, ADMIN_PORT)

    @rule(
        f"!has(self.advertisedAddress) || self.advertisedAddress == '{LEARNED_BY_STUN}' || "
        "isIP(self.advertisedAddress)",
        "advertisedAddress must be an IPv4 or IPv6 address, or stun",
    )
    def can_be_reached(self) -> bool:
        address = self.advertised_address
        return address is None or address == LEARNED_BY_STUN or _is_ip(address)


def _is_ip(text: str) -> bool:
    """As Kubernetes has it: no zone, and no IPv4 address written as IPv6."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text and getattr(address, "ipv4_mapped", None) is None


class IceServer(Part):
    """A STUN or TURN server that clients are told."""

    urls: Annotated[tuple[IceUrl, ...], Field(min_length=1, max_length=8)]
    """Its URIs (RFC 7064, RFC 7065), such as turn:turn.example.org:3478?transport=udp."""


class Media(Part):
    """Capacity of a pod, and how clients' media reaches it."""

    max_sessions_per_pod: Annotated[int, Field(ge=1, le=100_000)] = 500
    """Sessions that one pod takes at a time; then it answers 503 and others are chosen. Default
    500, about half of what one core carries when all of them talk."""
    idle_timeout_s: Annotated[int, Field(ge=0, le=30 * DAY_S)] = 60
    """Seconds without media after which a session ends. Muted microphones go on sending. Default
    60; 0 for never."""
    max_session_s: Annotated[int, Field(ge=0, le=30 * DAY_S)] = 0
    """Longest session in seconds; then it ends. Default 0 for no limit."""
    exposure: Exposure = Exposure()
    """How clients' media reaches the pods."""
    ice_servers: Annotated[tuple[IceServer, ...], Field(max_length=16)] = ()
    """STUN and TURN servers that clients are told, best first. Default none: the pods themselves
    are reachable. Servers with turn: or turns: URIs need turnSecretRef."""
    turn_secret_ref: SecretKeyRef | None = None
    """The secret that is shared with all TURN servers of iceServers (TURN REST convention, coturn's
    static-auth-secret): each client gets a user name and password of its own. Unset for none."""
    turn_ttl_s: Annotated[int, Field(ge=60, le=DAY_S)] = 3600
    """Life of those TURN credentials in seconds. Default 3600; at least 60, at most 86400."""

    @rule(
        "has(self.turnSecretRef) || "
        "!self.iceServers.exists(s, s.urls.exists(u, u.startsWith('turn')))",
        "iceServers has a TURN server, for which clients need credentials: set turnSecretRef",
    )
    def has_credentials_for_turn(self) -> bool:
        urls = [url for server in self.ice_servers for url in server.urls]
        return self.turn_secret_ref is not None or not any(u.startswith("turn") for u in urls)
