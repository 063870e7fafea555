"""Media pods, asked by their admin ports."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from apiserver.pods import DOCUMENT, TOKEN, MediaPod
from voicemedia_operator.fleet.admin_ports import (
    AdminPorts,
    Door,
    PodOperation,
    PodResult,
    PodSilent,
)


class Tally:
    """Counts what pods were asked."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[PodOperation, PodResult]] = Counter()

    def pod_asked(self, operation: PodOperation, result: PodResult) -> None:
        self.counts[operation, result] += 1


@pytest.fixture
async def pod() -> AsyncIterator[MediaPod]:
    async with MediaPod().serving() as serving:
        yield serving


@pytest.fixture
def door(pod: MediaPod) -> Door:
    return Door("127.0.0.1", TOKEN, pod.port)


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
async def ports(tally: Tally) -> AsyncIterator[AdminPorts]:
    asking = AdminPorts(tally, deadline_s=0.3)
    yield asking
    await asking.close()


async def test_a_pod_says_what_it_holds(ports: AdminPorts, door: Door) -> None:
    instance = await ports.look(door)

    assert instance is not None
    assert (instance.sessions, instance.webrtc_sessions) == (7, 5)


async def test_a_pod_that_does_not_know_the_token_says_nothing(
    ports: AdminPorts, door: Door, tally: Tally
) -> None:
    assert await ports.look(Door(door.ip, "another", door.port)) is None
    assert tally.counts == {(PodOperation.LOOK, PodResult.REFUSED): 1}


@pytest.mark.parametrize("document", [[], "text", {"id": 7}, {**DOCUMENT, "sessions": -1}])
async def test_a_document_that_makes_no_sense_is_counted_and_passed_over(
    ports: AdminPorts, door: Door, pod: MediaPod, tally: Tally, document: object
) -> None:
    pod.document = document

    assert await ports.look(door) is None
    assert tally.counts == {(PodOperation.LOOK, PodResult.MALFORMED): 1}


async def test_a_pod_that_is_silent_is_given_up_in_time(
    ports: AdminPorts, door: Door, pod: MediaPod, tally: Tally
) -> None:
    pod.is_silent = True

    async with asyncio.timeout(5):
        assert await ports.look(door) is None
    assert tally.counts == {(PodOperation.LOOK, PodResult.UNREACHABLE): 1}


async def test_a_drain_without_a_limit_lets_sessions_go_on(
    ports: AdminPorts, door: Door, pod: MediaPod
) -> None:
    await ports.drain(door, None, None)

    assert pod.told == [("POST /drain", {})]


async def test_a_drain_with_a_limit_says_it(ports: AdminPorts, door: Door, pod: MediaPod) -> None:
    await ports.drain(door, 0, 10)

    assert pod.told == [("POST /drain", {"limit_s": 0, "notice_s": 10})]


async def test_a_drain_is_taken_back(ports: AdminPorts, door: Door, pod: MediaPod) -> None:
    await ports.undrain(door)

    assert pod.told == [("POST /undrain", None)]


async def test_a_pod_is_given_the_flags_as_they_are(
    ports: AdminPorts, door: Door, pod: MediaPod, tally: Tally
) -> None:
    await ports.put_flags(door, '{"flags": {}}')

    assert pod.told == [("PUT /flags", {"flags": {}})]
    assert tally.counts == {(PodOperation.FLAGS, PodResult.DONE): 1}


async def test_who_asks_hears_that_a_pod_did_not_obey(ports: AdminPorts, door: Door) -> None:
    with pytest.raises(PodSilent, match="drain: refused"):
        await ports.drain(Door(door.ip, "another", door.port), None, None)


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert Door("fd00::7", TOKEN).url == "http://[fd00::7]:8081"
