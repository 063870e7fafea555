"""Keeps nginx as the Ingress objects say: `python -m cluster.ingress.controller FOLDER`.

It lists and watches three kinds of objects; after each change it computes all routes anew, and has
nginx read its configuration if that is another. It tells where it listens in the status of the
Ingresses, as every controller does. It outlives restarts of the API server.
"""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from cluster.ingress.nginx import Door, configuration
from cluster.ingress.routes import Objects, of_class, routes
from cluster.place import API_URL, NODE_IP
from cluster.watching import Document

CLASS = "voicemedia-test"
PORT = 80
RELIST_S = 0.3
QUIET_S = 0.03
"""Changes that come this close together are taken at once."""

GONE = (aiohttp.ClientError, TimeoutError, ConnectionError)
"""The API server is away, or says no; it is asked again."""

LONGEST_LINE_BYTES = 1 << 22
KINDS = {
    "ingresses": "/apis/networking.k8s.io/v1/ingresses",
    "services": "/api/v1/services",
    "slices": "/apis/discovery.k8s.io/v1/endpointslices",
}
CLASS_OBJECT: Document = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {
        "name": CLASS,
        "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"},
    },
    "spec": {"controller": "voicemedia.dev/test-ingress"},
}


@dataclass(slots=True)
class Controller:
    """`known` are the objects of each kind, by namespace and name."""

    http: aiohttp.ClientSession
    folder: Path
    known: dict[str, dict[tuple[str, str], Document]] = field(
        default_factory=lambda: {kind: {} for kind in KINDS}
    )
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    listed: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Until it is cancelled."""
        self._config.write_text(configuration(self._door, []))
        nginx = await asyncio.create_subprocess_exec("nginx", "-c", str(self._config))
        try:
            async with asyncio.TaskGroup() as tasks:
                for kind in KINDS:
                    tasks.create_task(self._follow(kind))
                tasks.create_task(self._apply(nginx))
        finally:
            if nginx.returncode is None:
                nginx.terminate()
            await nginx.wait()

    @property
    def _door(self) -> Door:
        return Door(f"{NODE_IP}:{PORT}", self.folder)

    @property
    def _config(self) -> Path:
        return self.folder / "nginx.conf"

    async def _follow(self, kind: str) -> None:
        """Lists, then watches; again whenever the watch ends or the API server is away."""
        while True:
            try:
                await self._list_and_watch(kind)
            except GONE as error:
                tell(f"{kind}: {error!r}")
            await asyncio.sleep(RELIST_S)

    async def _list_and_watch(self, kind: str) -> None:
        url = API_URL + KINDS[kind]
        async with self.http.get(url) as response:
            response.raise_for_status()
            listed = await response.json()
        self.known[kind] = {_key(found): found for found in listed["items"]}
        self.listed.add(kind)
        self.changed.set()
        since = {"watch": "1", "resourceVersion": listed["metadata"]["resourceVersion"]}
        async with self.http.get(url, params=since, timeout=aiohttp.ClientTimeout()) as response:
            response.raise_for_status()
            while line := await response.content.readline():
                if not self._take(kind, json.loads(line)):
                    return

    def _take(self, kind: str, event: dict[str, Any]) -> bool:
        """Whether the watch is still good."""
        document = event["object"]
        if event["type"] in ("ADDED", "MODIFIED"):
            self.known[kind][_key(document)] = document
        elif event["type"] == "DELETED":
            self.known[kind].pop(_key(document), None)
        else:
            return False
        self.changed.set()
        return True

    async def _apply(self, nginx: asyncio.subprocess.Process) -> None:
        """After each change. Not before every kind was listed: half the truth has no pods."""
        while nginx.returncode is None:
            await self.changed.wait()
            await asyncio.sleep(QUIET_S)
            self.changed.clear()
            if self.listed != KINDS.keys():
                continue
            objects = Objects(**{kind: tuple(found.values()) for kind, found in self.known.items()})
            text = configuration(self._door, routes(objects, CLASS))
            if text != self._config.read_text():
                self._config.write_text(text)
                nginx.send_signal(signal.SIGHUP)
            try:
                await self._tell_where(objects)
            except GONE as error:
                tell(f"status: {error!r}")
                self.changed.set()
                await asyncio.sleep(RELIST_S)
        raise RuntimeError(f"nginx left with {nginx.returncode}")

    async def _tell_where(self, objects: Objects) -> None:
        wanted = {"loadBalancer": {"ingress": [{"ip": NODE_IP}]}}
        for ingress in of_class(objects.ingresses, CLASS):
            if ingress.get("status", {}).get("loadBalancer", {}).get("ingress"):
                continue
            namespace, name = _key(ingress)
            group = f"{API_URL}/apis/networking.k8s.io/v1"
            url = f"{group}/namespaces/{namespace}/ingresses/{name}/status"
            headers = {"Content-Type": "application/merge-patch+json"}
            patch = json.dumps({"status": wanted})
            async with self.http.patch(url, data=patch, headers=headers) as response:
                if response.status not in (200, 404):  # 404: it is gone by now
                    response.raise_for_status()


def tell(sentence: str) -> None:
    """For who reads the log."""
    print(sentence, file=sys.stderr, flush=True)


def _key(document: Document) -> tuple[str, str]:
    metadata = document["metadata"]
    return metadata["namespace"], metadata["name"]


def trust(certificates: Path) -> ssl.SSLContext:
    """The cluster's authority, and the administrator's certificate."""
    context = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
    context.load_cert_chain(certificates / "admin.crt", certificates / "admin.key")
    return context


async def main(certificates: Path, folder: Path) -> None:
    """Until SIGTERM."""
    connector = aiohttp.TCPConnector(ssl=trust(certificates))
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=10),
        read_bufsize=LONGEST_LINE_BYTES,
    ) as http:
        running = asyncio.ensure_future(Controller(http, folder).run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        await asyncio.wait([running])
        if not running.cancelled():
            running.result()


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
