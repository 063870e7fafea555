"""How the programs of the node are told what to do. Pure: documents and words."""

from __future__ import annotations

import json
from typing import Any

from cluster.control_plane import options
from cluster.place import FIRST_POD_IP, NODE, NODE_IP, POD_NETWORK, Place
from cluster.programs import Programs

PAUSE_IMAGE = "localhost/voicemedia-pause:1"
PLUGINS = "/usr/lib/cni"
"""Where Debian puts the network plugins."""
DOMAIN = "cluster.local"
CRI = "io.containerd.grpc.v1.cri"


SWEEPING = "containerd-sweeping.toml"
"""What containerd is told before the kubelet's part of it is there."""


def commands(programs: Programs, place: Place) -> dict[str, list[str]]:
    """Of each daemon, in the order of their start."""
    return {
        "containerd": ["containerd", "--config", str(place.run / "containerd.toml")],
        "kubelet": [
            str(programs["kubelet"]),
            *options(
                config=place.run / "kubelet.json",
                kubeconfig=place.run / "kubelet.kubeconfig",
                hostname_override=NODE,
                node_ip=NODE_IP,
                root_dir=place.run / "kubelet",
            ),
        ],
        "kube-proxy": [
            str(programs["kube-proxy"]),
            *options(config=place.run / "kube-proxy.json"),
        ],
        "coredns": [str(programs["coredns"]), "-conf", str(place.run / "Corefile")],
    }


def files(place: Place) -> dict[str, str]:
    """What the daemons read, by the name within the run folder."""
    return {
        "containerd.toml": _containerd(place) + _containers(place),
        SWEEPING: _containerd(place) + f'disabled_plugins = ["{CRI}"]\n',
        "cni/10-pods.conflist": _written(_pod_network(place)),
        "kubelet.json": _written(_kubelet(place)),
        "kube-proxy.json": _written(_kube_proxy(place)),
        "Corefile": _name_server(place),
        "resolv.conf": "",
    }


def _written(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1)


def _containerd(place: Place) -> str:
    return f"""version = 2
root = "{place.containerd_root}"
state = "{place.run}/containerd-state"
grpc.address = "{place.containerd_socket}"
"""


def _containers(place: Place) -> str:
    """`restrict_oom_score_adj`: without CAP_SYS_RESOURCE, as in most sandboxes, runc could not
    lower it and would die with a message about something else."""
    return f"""[plugins."{CRI}"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."{CRI}".cni]
    bin_dir = "{PLUGINS}"
    conf_dir = "{place.run}/cni"
"""


def _pod_network(place: Place) -> dict[str, Any]:
    """A bridge. Pods are reached, and reach the machine, under their own addresses."""
    addresses = {
        "type": "host-local",
        "dataDir": str(place.run / "pod-addresses"),
        "ranges": [[{"subnet": POD_NETWORK, "rangeStart": FIRST_POD_IP}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "pods", "isGateway": True, "hairpinMode": True}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [{**bridge, "ipam": addresses}, ports],
    }


def _name_server(place: Place) -> str:
    """It knows the cluster's names and no others: nothing leaves the machine."""
    return f"""{DOMAIN} in-addr.arpa {{
  bind {NODE_IP}
  errors
  kubernetes {DOMAIN} in-addr.arpa {{
    kubeconfig {place.kubeconfig}
  }}
}}
"""


def _kubelet(place: Place) -> dict[str, Any]:
    """The cgroup settings take the machine as it is: version 1, hybrid or 2, without systemd."""
    pki = place.certificates
    trusted = {"clientCAFile": str(pki / "ca.crt")}
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": trusted,
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{place.containerd_socket}",
        "podLogsDir": str(place.run / "pod-logs"),
        "volumePluginDir": str(place.run / "volume-plugins"),
        "clusterDNS": [NODE_IP],
        "clusterDomain": DOMAIN,
        "resolvConf": str(place.run / "resolv.conf"),
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
        },
        "imageGCHighThresholdPercent": 100,
    }


def _kube_proxy(place: Place) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(place.kubeconfig)},
        "mode": "iptables",
        "clusterCIDR": POD_NETWORK,
        "hostnameOverride": NODE,
        "conntrack": {"maxPerCore": 0, "min": 0},
    }
