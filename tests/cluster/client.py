"""A cluster as tests see it, whoever runs it: kubectl, with documents in and out.

Everything is awaited, so that live calls in the same loop go on meanwhile. Waiting is by watch.
"""

from __future__ import annotations

import asyncio
import codecs
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.commands import CommandFailed, run
from cluster.one_node import OneNode
from cluster.watching import Change, Document, Event, EventReader

COMMAND_TIMEOUT_S = 60.0
WAIT_TIMEOUT_S = 60.0
READ_BYTES = 1 << 16
REWATCH_S = 0.2
LAST_LOG_LINES = 200

ImageSource = Callable[[str, str], str]
"""Takes a Dockerfile's name and what its image is called; returns what pods call it."""


class NotInTime(Exception):
    """A condition did not come true; the message has the object as it was last seen."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """`own` is there when it is ours to break: its daemons can be killed."""

    kubectl_program: Path
    kubeconfig: Path
    image: ImageSource
    own: OneNode | None = None

    def command(self, *words: str) -> list[str]:
        """kubectl, as the administrator."""
        return [str(self.kubectl_program), "--kubeconfig", str(self.kubeconfig), *words]

    async def kubectl(
        self, *words: str, given: str | None = None, timeout_s: float = COMMAND_TIMEOUT_S
    ) -> str:
        """What it says. `given` is its standard input. Raises `CommandFailed`."""
        return await asyncio.to_thread(
            lambda: run(*self.command(*words), given=given, timeout_s=timeout_s)
        )

    async def json(self, *words: str, given: str | None = None) -> Any:
        """What it says with `-o json`."""
        return json.loads(await self.kubectl(*words, "-o", "json", given=given))

    async def watch(self, kind: str, *selection: str) -> AsyncGenerator[Event, None]:
        """Changes, beginning with what is there, until the API server ends the watch."""
        words = ("get", kind, *selection, "--watch", "--output-watch-events", "-o", "json")
        process = await asyncio.create_subprocess_exec(
            *self.command(*words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        assert process.stdout is not None
        decoder, reader = codecs.getincrementaldecoder("utf-8")(), EventReader()
        try:
            while piece := await process.stdout.read(READ_BYTES):
                for event in reader.feed(decoder.decode(piece)):
                    yield event
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace of one test."""

    cluster: Cluster
    name: str

    async def apply(self, *documents: Document) -> list[Document]:
        """The objects as the API server has them now."""
        wanted = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        words = ("apply", "--namespace", self.name, "-f", "-")
        applied: Document = await self.cluster.json(*words, given=json.dumps(wanted))
        return list(applied["items"]) if applied["kind"] == "List" else [applied]

    async def get(self, kind: str, name: str) -> Document:
        """One object. Raises `CommandFailed` if there is none."""
        found: Document = await self.cluster.json("get", kind, name, "--namespace", self.name)
        return found

    async def items(self, kind: str, selector: str = "") -> list[Document]:
        """All objects of a kind, or those with the labels."""
        words = ("get", kind, "--namespace", self.name, "--selector", selector)
        found: list[Document] = (await self.cluster.json(*words))["items"]
        return found

    async def delete(self, kind: str, name: str, *options: str) -> None:
        """Returns when the API server took it, which may be long before the object is gone."""
        words = ("delete", kind, name, "--namespace", self.name, "--wait=false", *options)
        await self.cluster.kubectl(*words)

    async def delete_to_the_end(
        self, kind: str, name: str, *options: str, timeout_s: float = WAIT_TIMEOUT_S
    ) -> Document:
        """Deletes an object that is there, and gives it as it was last. Raises `NotInTime`."""
        last: Document = {}
        async with (
            self._in_time(kind, name, timeout_s, lambda: last),
            aclosing(self.cluster.watch(kind, *self._only(name))) as events,
        ):
            async for event in events:
                if not last:
                    await self.delete(kind, name, *options)
                last = event.document
                if event.change is Change.DELETED:
                    return last
        raise NotInTime(f"the watch of {kind} {name} ended before its end was seen")

    async def until(
        self,
        kind: str,
        name: str,
        condition: Callable[[Document], object],
        timeout_s: float = WAIT_TIMEOUT_S,
    ) -> Document:
        """The object as soon as the condition holds. It need not be there yet.

        Raises `NotInTime`.
        """
        last: Document = {}
        async with self._in_time(kind, name, timeout_s, lambda: last):
            while True:
                async with aclosing(self.cluster.watch(kind, *self._only(name))) as events:
                    async for event in events:
                        last = event.document
                        if event.change is not Change.DELETED and condition(last):
                            return last
                await asyncio.sleep(REWATCH_S)  # the API server went, or is not there yet

    async def until_gone(self, kind: str, name: str, timeout_s: float = WAIT_TIMEOUT_S) -> None:
        """Returns at once if it is not there. Raises `NotInTime`."""
        words = ("wait", "--for=delete", f"{kind}/{name}", "--namespace", self.name)
        try:
            await self.cluster.kubectl(
                *words, f"--timeout={timeout_s}s", timeout_s=timeout_s + COMMAND_TIMEOUT_S
            )
        except CommandFailed as failed:
            raise NotInTime(str(failed)) from failed

    def _only(self, name: str) -> tuple[str, ...]:
        return ("--namespace", self.name, f"--field-selector=metadata.name={name}")

    @asynccontextmanager
    async def _in_time(
        self, kind: str, name: str, timeout_s: float, last: Callable[[], Document]
    ) -> AsyncGenerator[None, None]:
        try:
            async with asyncio.timeout(timeout_s):
                yield
        except TimeoutError:
            seen = last()
            shown = json.dumps(seen.get("status", seen), indent=1)
            raise NotInTime(f"{kind} {name} after {timeout_s:.0f} s: {shown}") from None

    async def pod_is_ready(self, name: str, timeout_s: float = WAIT_TIMEOUT_S) -> Document:
        """The pod once it is Ready. Raises `NotInTime`."""
        return await self.until("pod", name, lambda pod: has_condition(pod, "Ready"), timeout_s)

    async def ingress_url(self, name: str, timeout_s: float = WAIT_TIMEOUT_S) -> str:
        """Where an Ingress is answered, once its controller says so. Raises `NotInTime`."""
        ingress = await self.until("ingress", name, _where, timeout_s)
        return f"http://{_where(ingress)}"

    async def logs(self, pod: str, *options: str) -> list[str]:
        """The lines that its container wrote."""
        words = ("logs", pod, "--namespace", self.name, *options)
        return (await self.cluster.kubectl(*words)).splitlines()

    async def pod_json(self, pod: str, path: str, port: int = 8080) -> Any:
        """`GET` of a pod's path by the API server's proxy: pods need not be reachable."""
        where = f"/api/v1/namespaces/{self.name}/pods/{pod}:{port}/proxy{path}"
        return json.loads(await self.cluster.kubectl("get", "--raw", where))

    def story(self) -> str:
        """For people, after a failure: objects, events, and what the containers said last."""
        told = [
            self._said("get", "all,ingress", "-o", "wide"),
            self._said("get", "events", "--sort-by=.lastTimestamp"),
        ]
        for pod in self._said("get", "pods", "-o", "name").split():
            told.append(f"{pod}:\n" + self._said("logs", pod, f"--tail={LAST_LOG_LINES}"))
        return "\n\n".join(told)

    def _said(self, *words: str) -> str:
        try:
            return run(*self.cluster.command(*words, "--namespace", self.name))
        except CommandFailed as failed:
            return str(failed)


def has_condition(document: Document, kind: str) -> bool:
    """A condition of its status is True."""
    conditions = document.get("status", {}).get("conditions", [])
    return any(found["type"] == kind and found["status"] == "True" for found in conditions)


def _where(ingress: Document) -> str:
    """The address or name that its status tells, if any."""
    for found in ingress.get("status", {}).get("loadBalancer", {}).get("ingress", []):
        where: str = found.get("ip") or found.get("hostname") or ""
        return where
    return ""
