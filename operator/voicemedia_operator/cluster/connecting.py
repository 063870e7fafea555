"""Finds the API server: by the pod's service account, or by a kubeconfig."""

from __future__ import annotations

import os
from dataclasses import dataclass

from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config
from kubernetes.aio.config.incluster_config import SERVICE_HOST_ENV_NAME

CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Access:
    """The same way in, for another client: files as paths, and a token where there is one now."""

    server: str
    ca_path: str | None
    certificate_path: str | None
    key_path: str | None
    token: str | None


class ClusterUnknown(Exception):
    """There is no way to an API server; the message says what is missing."""


async def connect(kubeconfig: str | None, environment: dict[str, str] | None = None) -> ApiClient:
    """A client that connects when it is first used. A kubeconfig that is named goes before the
    service account. Raises `ClusterUnknown`."""
    environment = dict(os.environ) if environment is None else environment
    configuration = Configuration()
    configuration.connection_pool_maxsize = CONNECTIONS
    try:
        if kubeconfig is None and SERVICE_HOST_ENV_NAME in environment:
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]  # the library's
        else:
            await load_kube_config(  # type: ignore[no-untyped-call]  # the library leaves it untyped
                kubeconfig, client_configuration=configuration, persist_config=False
            )
    except (ConfigException, OSError) as failure:
        raise ClusterUnknown(f"no way to a Kubernetes API server: {failure}") from failure
    return ApiClient(configuration)


async def access_of(client: ApiClient) -> Access:
    """As the client has it now: a service account's token is read anew when it is old."""
    configuration = client.configuration
    told = await configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    return Access(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert or None,
        certificate_path=configuration.cert_file or None,
        key_path=configuration.key_file or None,
        token=told.partition(" ")[2] if told else None,
    )
