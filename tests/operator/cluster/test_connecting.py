"""The way to an API server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from voicemedia_operator.cluster.connecting import ClusterUnknown, connect


async def test_a_kubeconfig_says_where_the_server_is(tmp_path: Path) -> None:
    named = {"name": "here"}
    config = tmp_path / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{**named, "cluster": {"server": "http://127.0.0.1:8001"}}],
        "users": [{**named, "user": {"token": "a-token"}}],
        "contexts": [{**named, "context": {"cluster": "here", "user": "here"}}],
        "current-context": "here",
    }
    config.write_text(json.dumps(document))

    client = await connect(str(config), {})

    assert client.configuration.host == "http://127.0.0.1:8001"
    await client.close()  # type: ignore[no-untyped-call]  # the library leaves it untyped


async def test_without_any_way_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ClusterUnknown, match="no way to a Kubernetes API server"):
        await connect(str(tmp_path / "absent"), {})


async def test_a_service_account_without_its_token_is_no_way() -> None:
    inside = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}

    with pytest.raises(ClusterUnknown):
        await connect(None, inside)
