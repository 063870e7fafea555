"""What kopf tells, and how it is set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from apiserver.documents import resource
from apiserver.workshops import workshop_for
from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.kinds import Document
from voicemedia_operator.cluster.mirror import ResourceKey
from voicemedia_operator.handlers import kopf_settings, taken
from voicemedia_operator.loop import Loops, Timing
from voicemedia_operator.reconcile.actions import Plan
from voicemedia_operator.reconcile.names import FINALIZER
from voicemedia_operator.reconcile.observed import Observed, Resource

VOICE = ResourceKey("calls", "voice")
TIMEOUT_S = 20.0


class Asked:
    """Plans nothing, and hears what is asked."""

    def __init__(self) -> None:
        self.resources: asyncio.Queue[Resource] = asyncio.Queue()

    def __call__(self, wanted: Resource, observed: Observed, now_unix_s: int) -> Plan:
        self.resources.put_nowait(wanted)
        return Plan((), wanted.status)

    async def next(self) -> Resource:
        return await asyncio.wait_for(self.resources.get(), TIMEOUT_S)


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
async def loops(api: Api, asked: Asked) -> AsyncIterator[Loops]:
    timing = Timing(60.0, 60.0)
    async with workshop_for(api, asked, timing=timing) as workshop, Loops(workshop) as made:
        yield made
        workshop.leave()


def a_resource(version: int) -> Document:
    document = resource("voice", replicas=version)
    document["metadata"] |= {"uid": "u-1", "resourceVersion": str(version)}
    return document


async def test_the_first_word_of_a_resource_begins_its_loop(loops: Loops, asked: Asked) -> None:
    taken(loops, "ADDED", a_resource(1))

    assert (await asked.next()).uid == "u-1"


async def test_what_is_no_news_wakes_nobody(loops: Loops, asked: Asked) -> None:
    taken(loops, "ADDED", a_resource(5))
    await asked.next()

    taken(loops, "MODIFIED", a_resource(4))
    taken(loops, "MODIFIED", a_resource(6))
    await asked.next()

    assert asked.resources.empty()


async def test_a_resource_that_is_gone_is_forgotten(loops: Loops, asked: Asked) -> None:
    taken(loops, "ADDED", a_resource(1))
    await asked.next()

    taken(loops, "DELETED", a_resource(2))

    assert loops.workshop.world.resource(VOICE) is None


def test_kopf_never_touches_our_finalizer() -> None:
    assert kopf_settings().persistence.finalizer != FINALIZER


def test_kopf_waits_for_nothing_without_an_end() -> None:
    settings = kopf_settings()

    assert settings.networking.request_timeout == 30
    assert settings.networking.connect_timeout == 5
    assert settings.watching.client_timeout is not None
    assert isinstance(settings.watching.server_timeout, int)
