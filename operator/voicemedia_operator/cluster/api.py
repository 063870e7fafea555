"""Asks the API server: one request, one deadline, one count.

Nothing is tried again here: who asks goes by levels, and looks again anyway.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.api_client import ApiClient

from voicemedia_operator.cluster.errors import ApiFailed, ApiUnreachable, refusal
from voicemedia_operator.cluster.kinds import Document, Kind, kind_of

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
WATCH_S = 300
"""After so long the API server ends a watch, and it is begun anew."""
CONNECT_S = 5.0
SILENCE_S = 75.0
"""Bookmarks come each minute: a watch that is silent for longer is dead."""
MAX_WHY_CHARS = 300
ANSWERED = "200"


class CallCounter(Protocol):
    """Told of each request."""

    def api_asked(self, verb: str, code: str, duration_s: float) -> None:
        """`code` is the answer's status, `timeout` or `unreachable`."""


@dataclass(frozen=True, slots=True)
class _Body:
    """What is sent, and the media type that says how it is meant."""

    document: Document
    form: str = JSON


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """`change` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    change: str
    document: Document


class Api:
    """The API server, for one process. All methods but `close` raise `ApiFailed`."""

    def __init__(self, client: ApiClient, counter: CallCounter, deadline_s: float) -> None:
        self._client = client
        self._counter = counter
        self._deadline_s = deadline_s

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]  # the library leaves it untyped

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Document:
        """One object."""
        return await self._ask("get", kind, "GET", kind.path(namespace, name))

    async def list(self, kind: Kind, namespace: str | None, selector: str = "") -> Document:
        """The list as a whole: `items`, and `metadata.resourceVersion` to watch from. What is
        listed says no kind of its own, so it is added."""
        found = await self._ask(
            "list", kind, "GET", kind.path(namespace), {"labelSelector": selector}
        )
        for item in found["items"]:
            item |= {"apiVersion": kind.api_version, "kind": kind.name}
        return found

    async def serves(self, kind: Kind) -> bool:
        """Whether this cluster has the kind now."""
        try:
            found = await self._ask("discover", kind, "GET", kind.group_path)
        except ApiFailed as failure:
            if failure.code == "404":
                return False
            raise
        return any(each["name"] == kind.plural for each in found["resources"])

    async def create(self, document: Document) -> Document:
        """As the API server has it now."""
        kind = kind_of(document)
        path = kind.path(document["metadata"].get("namespace"))
        return await self._ask("create", kind, "POST", path, body=_Body(document))

    async def replace(self, document: Document) -> Document:
        """Only if nobody changed it since: its `metadata.resourceVersion` is compared."""
        kind, metadata = kind_of(document), document["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"])
        return await self._ask("update", kind, "PUT", path, body=_Body(document))

    async def apply(self, document: Document, manager: str, part: str = "") -> Document:
        """Server-side apply of the fields that `manager` owns; its word goes before others'."""
        kind, metadata = kind_of(document), document["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"], part)
        query = {"fieldManager": manager, "force": "true"}
        return await self._ask("apply", kind, "PATCH", path, query, _Body(document, APPLY))

    async def merge(self, kind: Kind, namespace: str, name: str, patch: Document) -> Document:
        """Merge patch (RFC 7396). A `uid` or `resourceVersion` among its metadata is compared."""
        path = kind.path(namespace, name)
        return await self._ask("patch", kind, "PATCH", path, body=_Body(patch, MERGE))

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> Document:
        """Only the object with this uid, never another one that took its name. Returns it as it
        goes, or, where it is gone at once, a Status."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}}
        path = kind.path(namespace, name)
        return await self._ask("delete", kind, "DELETE", path, body=_Body(options))

    async def watch(
        self, kind: Kind, namespace: str | None, selector: str, since: str
    ) -> AsyncGenerator[WatchEvent, None]:
        """Changes after a resourceVersion, until the API server ends the watch. Close it."""
        query = {
            "labelSelector": selector,
            "resourceVersion": since,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_S),
        }
        limits = aiohttp.ClientTimeout(sock_connect=CONNECT_S, sock_read=SILENCE_S)
        with _Asking(self._counter, "watch", kind.name) as asking:
            response = await self._send("GET", kind.path(namespace), query, None, limits)
            async with response:
                if response.status >= 300:
                    raise _refused(asking, response, await response.read())
                asking.answered(response.status)
                async for line in response.content:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        status = event["object"]
                        raise refusal(
                            "watch", kind.name, status.get("code", 500), status.get("reason", "")
                        )
                    yield WatchEvent(event["type"], event["object"])

    async def _ask(
        self,
        verb: str,
        kind: Kind,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: _Body | None = None,
    ) -> Document:
        limits = aiohttp.ClientTimeout(total=self._deadline_s, connect=CONNECT_S)
        with _Asking(self._counter, verb, kind.name) as asking:
            response = await self._send(method, path, query or {}, body, limits)
            async with response:
                content = await response.read()
            if response.status >= 300:
                raise _refused(asking, response, content)
            asking.answered(response.status)
        found: Document = json.loads(content)
        return found

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: _Body | None,
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        """By the client's own connections and credentials; its models are passed over."""
        headers = {"Accept": JSON, "Content-Type": body.form if body else JSON}
        content = body.document if body else None
        await self._client.update_params_for_auth(
            headers, [], ["BearerToken"], path, method, content
        )
        given = {name: value for name, value in query.items() if value}
        url = self._client.configuration.host + path + (f"?{urlencode(given)}" if given else "")
        answer = await self._client.rest_client.request(  # type: ignore[no-untyped-call]  # as above
            method, url, headers=headers, body=content, _request_timeout=limits
        )
        response: aiohttp.ClientResponse = answer.response
        return response


class _Asking:
    """Counts a request when it is over, and translates what kept it from an answer."""

    def __init__(self, counter: CallCounter, verb: str, kind: str) -> None:
        self._counter = counter
        self.verb = verb
        self.kind = kind
        self._began_s = time.monotonic()
        self._is_counted = False

    def answered(self, status: int) -> None:
        """Counts it."""
        self._count(str(status))

    def _count(self, code: str) -> None:
        if not self._is_counted:
            self._counter.api_asked(self.verb, code, time.monotonic() - self._began_s)
        self._is_counted = True

    def __enter__(self) -> _Asking:
        return self

    def __exit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        if isinstance(failure, ApiFailed):
            self._count(failure.code)
        elif isinstance(failure, (TimeoutError, asyncio.TimeoutError)):
            self._count("timeout")
            raise ApiUnreachable(
                self.verb, self.kind, "timeout", "the API server does not answer in time"
            ) from failure
        elif isinstance(failure, (aiohttp.ClientError, OSError, ValueError)):
            self._count("unreachable")
            raise ApiUnreachable(
                self.verb, self.kind, "unreachable", "the API server cannot be reached"
            ) from failure


def _refused(asking: _Asking, response: aiohttp.ClientResponse, content: bytes) -> ApiFailed:
    """With the API server's own sentence, which names fields but repeats no secrets."""
    try:
        found: Any = json.loads(content)
        why = str(found["message"])[:MAX_WHY_CHARS]
    except (ValueError, KeyError, TypeError):
        why = response.reason or ""
    after = response.headers.get("Retry-After", "")
    retry_after_s = float(after) if after.isdigit() else None
    return refusal(asking.verb, asking.kind, response.status, why, retry_after_s)
