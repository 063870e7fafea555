"""nginx follows the objects of a real API server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aiohttp import web

from cluster.client import Namespace
from cluster.ingress.routes import SERVICE_LABEL
from cluster.manifests import ingress
from cluster.place import MACHINE_IP
from cluster.watching import Document
from interop.server_process import until

pytestmark = [pytest.mark.system, pytest.mark.own_cluster, pytest.mark.timeout(900)]

NAME = "web"


@pytest.fixture
async def ports() -> AsyncIterator[list[int]]:
    """Of two servers on the machine, which answer with their ports."""

    async def tell(request: web.Request) -> web.Response:
        assert request.transport is not None
        return web.Response(text=str(request.transport.get_extra_info("sockname")[1]))

    async with AsyncExitStack() as stack:
        found: list[int] = []
        for _ in range(2):
            app = web.Application()
            app.router.add_get("/{rest:.*}", tell)
            runner = web.AppRunner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, MACHINE_IP, 0).start()
            found.append(runner.addresses[0][1])
        yield found


def a_service() -> Document:
    """Without a selector: its ends are those of the slice that we write."""
    ports = [{"name": "http", "port": 80}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME},
        "spec": {"ports": ports},
    }


def a_slice(port: int, *, is_ready: bool = True) -> Document:
    end = {"addresses": [MACHINE_IP], "conditions": {"ready": is_ready}}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": NAME, "labels": {SERVICE_LABEL: NAME}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port}],
        "endpoints": [end],
    }


async def until_told(url: str, answer: int | str) -> None:
    """A status, or what a server says."""

    async def is_told() -> bool:
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            return answer in (response.status, await response.text())

    await until(is_told, 20, f"{url} to answer {answer}")


async def test_every_change_of_the_objects_reaches_who_asks(
    namespace: Namespace, ports: list[int]
) -> None:
    first, second = ports
    await namespace.apply(a_service(), a_slice(first), ingress(NAME, "/followed"))
    url = f"{await namespace.ingress_url(NAME)}/followed"
    await until_told(url, str(first))

    await namespace.apply(a_slice(second))
    await until_told(url, str(second))

    await namespace.apply(a_slice(second, is_ready=False))
    await until_told(url, 503)

    await namespace.delete("ingress", NAME)
    await until_told(url, 404)


async def test_an_ingress_of_another_class_is_not_answered(
    namespace: Namespace, ports: list[int]
) -> None:
    foreign = ingress("foreign", "/foreign")
    foreign["spec"]["ingressClassName"] = "another"
    await namespace.apply(a_service(), a_slice(ports[0]), foreign, ingress(NAME, "/ours"))
    url = await namespace.ingress_url(NAME)
    await until_told(f"{url}/ours", str(ports[0]))

    await until_told(f"{url}/foreign", 404)

    assert not (await namespace.get("ingress", "foreign"))["status"]["loadBalancer"]
