"""A small API server for tests: it stores objects, applies, watches, and fails when it is told to.

It knows what the operator leans on: versions, uids, preconditions, finalizers, the status
subresource, and which fields a manager gave up. The real one is asked by the system tests.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.kinds import ALL, Document, Kind

DEADLINE_S = 2.0
NAMESPACE = Kind("", "v1", "Namespace", "namespaces", is_namespaced=False)
"""kopf does not begin before it found that there are such; none is ever asked for."""


@dataclass(slots=True)
class Calls:
    """Counts requests by verb and code."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def api_asked(self, verb: str, code: str, duration_s: float) -> None:
        self.counts[verb, code] += 1


@dataclass(slots=True)
class ApiServer:
    """`fail` has statuses with which the next requests of a verb are answered; `asked` what was
    asked for, as `create Pod voice-1`."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    fail: dict[str, list[int]] = field(default_factory=dict)
    is_silent: bool = False
    oldest_version: int = 0
    missing: set[Kind] = field(default_factory=set)
    _objects: dict[tuple[str, str, str], Document] = field(default_factory=dict)
    _applied: dict[tuple[str, str, str, str, str], Document] = field(default_factory=dict)
    _events: list[tuple[int, str, Document]] = field(default_factory=list)
    _version: int = 100
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def objects(self, kind: Kind) -> list[Document]:
        """As they are stored, by name."""
        return [found for (k, _, _), found in sorted(self._objects.items()) if k == kind.plural]

    def get(self, kind: Kind, namespace: str, name: str) -> Document:
        """One of them. Raises `KeyError`."""
        return self._objects[kind.plural, namespace, name]

    async def put(self, document: Document) -> Document:
        """Stores an object, as if somebody else had."""
        kind = _kind(document)
        namespace = document["metadata"].get("namespace", "")
        return await self._store(kind, namespace, copy.deepcopy(document))

    async def until(self, condition: Callable[[], object], timeout_s: float = 20.0) -> None:
        """Looks after each change. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: bool(condition()))

    async def mark_deleted(self, kind: Kind, namespace: str, name: str) -> None:
        """Somebody else deletes it: it goes when its finalizers are gone."""
        going = copy.deepcopy(self.get(kind, namespace, name))
        going["metadata"]["deletionTimestamp"] = "2026-11-25T09:00:00Z"
        await self._store(kind, namespace, going)

    async def remove(self, kind: Kind, namespace: str, name: str) -> None:
        """Somebody else deletes it, at once."""
        await self._forget(kind, (kind.plural, namespace, name))

    async def forget_history(self) -> None:
        """Watches must begin anew: what they ask for is too old."""
        self.oldest_version = self._version + 1
        self._version += 1
        async with self._changed:
            self._changed.notify_all()

    async def _store(self, kind: Kind, namespace: str, document: Document) -> Document:
        place = (kind.plural, namespace, document["metadata"]["name"])
        before = self._objects.get(place)
        metadata = document["metadata"]
        if before is not None:
            metadata |= {
                "uid": before["metadata"]["uid"],
                "resourceVersion": before["metadata"]["resourceVersion"],
            }
            if before == document:
                return before
            if before.get("spec") != document.get("spec"):
                metadata["generation"] = metadata.get("generation", 1) + 1
        self._version += 1
        if before is None:
            metadata |= {"uid": f"uid-{self._version}"}
            metadata.setdefault("creationTimestamp", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        metadata["resourceVersion"] = str(self._version)
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            await self._forget(kind, place)
            return document
        self._objects[place] = document
        await self._publish("MODIFIED" if before else "ADDED", document)
        return document

    async def _forget(self, kind: Kind, place: tuple[str, str, str]) -> None:
        gone = copy.deepcopy(self._objects.pop(place))
        self._version += 1
        gone["metadata"]["resourceVersion"] = str(self._version)
        for key in [key for key in self._applied if key[:3] == place]:
            del self._applied[key]
        await self._publish("DELETED", gone)

    async def _publish(self, change: str, document: Document) -> None:
        self._events.append((self._version, change, copy.deepcopy(document)))
        async with self._changed:
            self._changed.notify_all()

    # -- HTTP ---------------------------------------------------------------------------------

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api", self._versions)
        app.router.add_get("/apis", self._groups)
        for kind in ALL:
            app.router.add_get(kind.group_path, self._discover)
            for path in {kind.path(), kind.path("{namespace}")}:
                app.router.add_get(path, self._on(kind, "list"))
                app.router.add_post(path, self._on(kind, "create"))
                app.router.add_get(path + "/{name}", self._on(kind, "get"))
                app.router.add_put(path + "/{name}", self._on(kind, "update"))
                app.router.add_delete(path + "/{name}", self._on(kind, "delete"))
                app.router.add_patch(path + "/{name}", self._on(kind, "patch"))
                app.router.add_patch(path + "/{name}/{part}", self._on(kind, "apply"))
        return app

    def _on(self, kind: Kind, verb: str) -> Any:
        async def answer(request: web.Request) -> web.StreamResponse:
            name = request.match_info.get("name", "")
            is_watch = request.query.get("watch") == "true"
            said = "watch" if is_watch else verb
            if verb == "patch" and "apply" in request.content_type:
                said = "apply"
            self.asked.append(f"{said} {kind.name} {name}".strip())
            if self.is_silent:
                await asyncio.sleep(60)
            if self.fail.get(said):
                return _status(self.fail[said].pop(0), "as the test wants it")
            if kind in self.missing:
                return _status(404, "the server could not find the requested resource")
            if is_watch:
                return await self._watch(request, kind)
            document = await request.json() if request.can_read_body else {}
            act = getattr(self, f"_{verb}")
            found: web.Response = await act(request, kind, document)
            return found

        return answer

    async def _versions(self, request: web.Request) -> web.Response:
        return web.json_response({"kind": "APIVersions", "versions": ["v1"]})

    async def _groups(self, request: web.Request) -> web.Response:
        versions = {(kind.group, kind.version) for kind in set(ALL) - self.missing if kind.group}
        groups = [
            {
                "name": group,
                "preferredVersion": {"version": version},
                "versions": [{"version": version}],
            }
            for group, version in sorted(versions)
        ]
        return web.json_response({"kind": "APIGroupList", "groups": groups})

    async def _discover(self, request: web.Request) -> web.Response:
        found = [
            {
                "name": kind.plural,
                "singularName": kind.name.lower(),
                "kind": kind.name,
                "namespaced": kind.is_namespaced,
                "verbs": ["list", "watch", "patch"],
            }
            for kind in (*ALL, NAMESPACE)
            if kind.group_path == request.path and kind not in self.missing
        ]
        return web.json_response({"resources": found}) if found else _status(404, "no such group")

    async def _get(self, request: web.Request, kind: Kind, _: Document) -> web.Response:
        found = self._objects.get(_place(request, kind))
        return web.json_response(found) if found else _status(404, "there is none")

    async def _list(self, request: web.Request, kind: Kind, _: Document) -> web.Response:
        items = []
        for found in self.objects(kind):
            if _is_wanted(request, found):
                bare = {k: v for k, v in found.items() if k not in ("apiVersion", "kind")}
                items.append(bare)
        found = {"apiVersion": kind.api_version, "kind": f"{kind.name}List", "items": items}
        return web.json_response({**found, "metadata": {"resourceVersion": str(self._version)}})

    async def _create(self, request: web.Request, kind: Kind, document: Document) -> web.Response:
        namespace = request.match_info.get("namespace", "")
        name = document["metadata"].get("name") or f"made-{self._version}"
        document["metadata"] |= {"name": name, "namespace": namespace}
        if (kind.plural, namespace, name) in self._objects:
            return _status(409, "it exists")
        return web.json_response(await self._store(kind, namespace, document), status=201)

    async def _update(self, request: web.Request, kind: Kind, document: Document) -> web.Response:
        place = _place(request, kind)
        before = self._objects.get(place)
        if before is None:
            return _status(404, "there is none")
        if document["metadata"].get("resourceVersion") != before["metadata"]["resourceVersion"]:
            return _status(409, "the object has been modified")
        return web.json_response(await self._store(kind, place[1], document))

    async def _patch(self, request: web.Request, kind: Kind, document: Document) -> web.Response:
        if request.content_type != "application/merge-patch+json":
            return await self._apply(request, kind, document)
        place = _place(request, kind)
        before = self._objects.get(place)
        if before is None:
            return _status(404, "there is none")
        for member in ("uid", "resourceVersion"):
            told = document.get("metadata", {}).get(member)
            if told not in (None, before["metadata"][member]):
                return _status(409, f"its {member} is another")
        after = copy.deepcopy(before)
        _merge(after, document)
        return web.json_response(await self._store(kind, place[1], after))

    async def _apply(self, request: web.Request, kind: Kind, document: Document) -> web.Response:
        """Fields that the manager applied before and leaves out now are removed."""
        place = _place(request, kind)
        part = request.match_info.get("part", "")
        before = self._objects.get(place)
        if before is None and part:
            return _status(404, "there is none")
        key = (*place, request.query["fieldManager"], part)
        after = copy.deepcopy(before) if before else {"metadata": {}}
        uid = document["metadata"].get("uid")
        if uid is not None and before is not None and before["metadata"]["uid"] != uid:
            return _status(409, "another object has this name")
        _take_away(after, self._applied.get(key, {}), document)
        _merge(after, document)
        self._applied[key] = document
        after["metadata"]["namespace"] = place[1]
        return web.json_response(await self._store(kind, place[1], after))

    async def _delete(self, request: web.Request, kind: Kind, document: Document) -> web.Response:
        place = _place(request, kind)
        before = self._objects.get(place)
        if before is None:
            return _status(404, "there is none")
        if document.get("preconditions", {}).get("uid") not in (None, before["metadata"]["uid"]):
            return _status(409, "the uid is another")
        if before["metadata"].get("finalizers"):
            going = copy.deepcopy(before)
            going["metadata"].setdefault("deletionTimestamp", "2026-11-25T09:00:00Z")
            return web.json_response(await self._store(kind, place[1], going))
        await self._forget(kind, place)
        return web.json_response({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    async def _watch(self, request: web.Request, kind: Kind) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        told = int(request.query["resourceVersion"])
        while True:
            if told < self.oldest_version:
                status = {"kind": "Status", "code": 410, "reason": "Expired"}
                await _write(response, "ERROR", status)
                return response
            for version, change, document in list(self._events):
                if version > told:
                    told = version
                    if document["kind"] == kind.name and _is_wanted(request, document):
                        await _write(response, change, document)
            async with self._changed:
                if told >= self._version and told >= self.oldest_version:
                    await self._changed.wait()
                elif told < self._version and not any(v > told for v, _, _ in self._events):
                    told = max(told, self._version if told >= self.oldest_version else told)


async def _write(response: web.StreamResponse, change: str, document: Document) -> None:
    await response.write(json.dumps({"type": change, "object": document}).encode() + b"\n")


def _status(code: int, message: str) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "code": code, "message": message}
    return web.json_response(body, status=code)


def _kind(document: Document) -> Kind:
    return next(kind for kind in ALL if kind.name == document["kind"])


def _place(request: web.Request, kind: Kind) -> tuple[str, str, str]:
    return (kind.plural, request.match_info.get("namespace", ""), request.match_info["name"])


def _is_wanted(request: web.Request, document: Document) -> bool:
    namespace = request.match_info.get("namespace")
    if namespace is not None and document["metadata"].get("namespace") != namespace:
        return False
    labels = document["metadata"].get("labels", {})
    wanted = filter(None, request.query.get("labelSelector", "").split(","))
    return all(labels.get(part.partition("=")[0]) == part.partition("=")[2] for part in wanted)


def _merge(into: Document, document: Document) -> None:
    for key, value in document.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        elif value is None:
            into.pop(key, None)
        else:
            into[key] = copy.deepcopy(value)


def _take_away(from_: Document, before: Document, now: Document) -> None:
    for key, value in before.items():
        if key not in now:
            from_.pop(key, None)
        elif isinstance(value, dict) and isinstance(from_.get(key), dict):
            _take_away(from_[key], value, now[key] if isinstance(now[key], dict) else {})


@asynccontextmanager
async def running_api_server() -> AsyncIterator[ApiServer]:
    """On loopback."""
    server = ApiServer()
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def api_of(server: ApiServer, calls: Calls | None = None) -> AsyncIterator[Api]:
    """A client of it."""
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{server.port}"
    api = Api(ApiClient(configuration), calls or Calls(), DEADLINE_S)
    try:
        yield api
    finally:
        await api.close()
