"""How the programs of the control plane are told what to do. Pure: words in, words out."""

from __future__ import annotations

from cluster.place import API_PORT, NODE_IP, POD_NETWORK, SERVICE_NETWORK, Place
from cluster.programs import Programs

ETCD_URL = "http://127.0.0.1:2379"
ETCD_PEER_URL = "http://127.0.0.1:2380"


def options(**values: object) -> list[str]:
    """`--a-name=value` for each; `True` and `False` as Go writes them."""
    return [
        f"--{name.replace('_', '-')}={str(value).lower() if isinstance(value, bool) else value}"
        for name, value in values.items()
    ]


def commands(programs: Programs, place: Place) -> dict[str, list[str]]:
    """Of each daemon, in the order of their start."""
    told = {
        "etcd": _etcd(place),
        "kube-apiserver": _api_server(place),
        "kube-controller-manager": _controller_manager(place),
        "kube-scheduler": options(kubeconfig=place.kubeconfig, leader_elect=False),
    }
    return {name: [str(programs[name]), *words] for name, words in told.items()}


def _etcd(place: Place) -> list[str]:
    """Without fsync: what it holds is worth nothing after a crash."""
    return options(
        data_dir=place.run / "etcd",
        unsafe_no_fsync=True,
        listen_client_urls=ETCD_URL,
        advertise_client_urls=ETCD_URL,
        listen_peer_urls=ETCD_PEER_URL,
        initial_advertise_peer_urls=ETCD_PEER_URL,
        initial_cluster=f"default={ETCD_PEER_URL}",
        log_level="warn",
    )


def _api_server(place: Place) -> list[str]:
    pki = place.certificates
    return [
        *options(
            etcd_servers=ETCD_URL,
            advertise_address=NODE_IP,
            secure_port=API_PORT,
            service_cluster_ip_range=SERVICE_NETWORK,
            authorization_mode="Node,RBAC",
            enable_admission_plugins="NodeRestriction",
            allow_privileged=True,
            endpoint_reconciler_type="lease",
            client_ca_file=pki / "ca.crt",
            tls_cert_file=pki / "apiserver.crt",
            tls_private_key_file=pki / "apiserver.key",
        ),
        *options(
            service_account_issuer="https://kubernetes.default.svc",
            service_account_key_file=pki / "service-accounts.pub",
            service_account_signing_key_file=pki / "service-accounts.key",
            kubelet_certificate_authority=pki / "ca.crt",
            kubelet_client_certificate=pki / "admin.crt",
            kubelet_client_key=pki / "admin.key",
            # The node's name is known to no name server: logs and exec go by its address.
            kubelet_preferred_address_types="InternalIP",
        ),
        *options(
            requestheader_client_ca_file=pki / "ca.crt",
            requestheader_allowed_names="front-proxy",
            requestheader_username_headers="X-Remote-User",
            requestheader_group_headers="X-Remote-Group",
            requestheader_extra_headers_prefix="X-Remote-Extra-",
            proxy_client_cert_file=pki / "front-proxy.crt",
            proxy_client_key_file=pki / "front-proxy.key",
        ),
    ]


def _controller_manager(place: Place) -> list[str]:
    pki = place.certificates
    return options(
        kubeconfig=place.kubeconfig,
        leader_elect=False,
        use_service_account_credentials=True,
        service_account_private_key_file=pki / "service-accounts.key",
        root_ca_file=pki / "ca.crt",
        cluster_signing_cert_file=pki / "ca.crt",
        cluster_signing_key_file=pki / "ca.key",
        cluster_cidr=POD_NETWORK,
    )
