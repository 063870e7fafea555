"""Tests speak to a cluster, and wait for it, by documents."""

from __future__ import annotations

import asyncio

import pytest

from cluster.client import Namespace, NotInTime, has_condition
from cluster.commands import CommandFailed
from cluster.watching import Document

on_the_cluster = [pytest.mark.system, pytest.mark.timeout(900)]


def a_note(name: str = "note", **data: str) -> Document:
    metadata = {"name": name, "labels": {"is": "note"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.mark.parametrize(
    ("status", "holds"), [("True", True), ("False", False), ("Unknown", False)]
)
def test_only_a_condition_that_is_true_holds(status: str, holds: bool) -> None:
    document = {"status": {"conditions": [{"type": "Ready", "status": status}]}}

    assert has_condition(document, "Ready") is holds
    assert not has_condition({}, "Ready")


class TestOnTheCluster:
    """What needs an API server."""

    pytestmark = on_the_cluster

    async def test_what_is_applied_comes_back_as_it_is_now(self, namespace: Namespace) -> None:
        first, second = await namespace.apply(a_note("a", word="x"), a_note("b"))
        (changed,) = await namespace.apply(a_note("a", word="y"))

        assert first["metadata"]["uid"] == changed["metadata"]["uid"]
        assert changed["data"] == {"word": "y"}
        assert len(await namespace.items("configmap", "is=note")) == 2
        assert await namespace.get("configmap", "b") == second

    async def test_waiting_ends_when_the_condition_holds(self, namespace: Namespace) -> None:
        waiting = asyncio.ensure_future(
            namespace.until("configmap", "note", lambda note: note["data"].get("word") == "y")
        )
        await namespace.apply(a_note(word="x"))
        await namespace.apply(a_note(word="y"))

        assert (await waiting)["data"] == {"word": "y"}

    async def test_deleting_to_the_end_gives_what_was_seen_last(self, namespace: Namespace) -> None:
        await namespace.apply(a_note(word="last"))

        last = await namespace.delete_to_the_end("configmap", "note")

        assert last["data"] == {"word": "last"}
        await namespace.until_gone("configmap", "note")

    async def test_what_stays_is_not_gone_in_time(self, namespace: Namespace) -> None:
        await namespace.apply(a_note())

        with pytest.raises(NotInTime, match="note"):
            await namespace.until_gone("configmap", "note", timeout_s=0.5)

    async def test_waiting_in_vain_shows_what_there_was(self, namespace: Namespace) -> None:
        await namespace.apply(a_note(word="x"))

        with pytest.raises(NotInTime, match='"word": "x"'):
            await namespace.until("configmap", "note", lambda _: False, timeout_s=2)

    async def test_a_refusal_is_quoted(self, namespace: Namespace) -> None:
        with pytest.raises(CommandFailed, match="NotFound"):
            await namespace.get("configmap", "none")
