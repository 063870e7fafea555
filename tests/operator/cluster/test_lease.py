"""Who of several operators acts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from apiserver.twin import ApiServer
from voicemedia_operator.cluster.api import Api
from voicemedia_operator.cluster.kinds import LEASE, Document
from voicemedia_operator.cluster.lease import Leadership, Terms, fresh, is_held_by, taken

TIMEOUT_S = 10.0
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def terms(holder: str, duration_s: int = 1) -> Terms:
    return Terms("system", "voicemedia-operator", holder, duration_s, renew_s=0.05, give_up_s=0.5)


def lease(server: ApiServer) -> Document:
    return server.get(LEASE, "system", "voicemedia-operator")


async def acquired(api: Api, holder: str, duration_s: int = 1) -> Leadership:
    leadership = Leadership(api, terms(holder, duration_s))
    async with asyncio.timeout(TIMEOUT_S):
        await leadership.acquire()
    return leadership


def test_a_lease_that_changes_hands_counts_it() -> None:
    first = fresh(terms("one"), NOON)
    second = taken(first, terms("two"), NOON)

    assert (first["spec"]["leaseTransitions"], second["spec"]["leaseTransitions"]) == (0, 1)


def test_renewing_does_not_change_since_when_it_is_held() -> None:
    first = fresh(terms("one"), NOON)
    later = taken(first, terms("one"), NOON.replace(minute=1))

    assert later["spec"]["acquireTime"] == first["spec"]["acquireTime"]
    assert later["spec"]["renewTime"] == "2026-11-25T12:01:00.000000Z"


async def test_the_first_one_takes_it(api: Api, server: ApiServer) -> None:
    await acquired(api, "one")

    assert is_held_by(lease(server), "one")


async def test_of_two_at_the_same_time_one_takes_it(api: Api, server: ApiServer) -> None:
    both = [Leadership(api, terms(name, 3600)) for name in ("one", "two")]
    tasks = [asyncio.create_task(each.acquire()) for each in both]

    done, waiting = await asyncio.wait(tasks, timeout=0.5)

    assert (len(done), len(waiting)) == (1, 1)
    for task in waiting:
        task.cancel()
    await asyncio.wait(tasks)


async def test_while_it_is_renewed_nobody_else_takes_it(api: Api, server: ApiServer) -> None:
    first = await acquired(api, "one")
    keeping = asyncio.create_task(first.keep())
    second = asyncio.create_task(Leadership(api, terms("two")).acquire())

    done, _ = await asyncio.wait({keeping, second}, timeout=2.0)

    assert not done
    for task in (keeping, second):
        task.cancel()
    await asyncio.wait({keeping, second})


async def test_the_next_one_takes_it_when_it_was_not_renewed_for_its_time(
    api: Api, server: ApiServer
) -> None:
    await acquired(api, "one")

    await acquired(api, "two")

    assert is_held_by(lease(server), "two")


async def test_one_that_is_given_back_is_taken_at_once(api: Api, server: ApiServer) -> None:
    first = await acquired(api, "one", duration_s=3600)
    await first.release()

    await acquired(api, "two", duration_s=3600)

    assert is_held_by(lease(server), "two")


async def test_a_holder_notices_that_another_one_has_it(api: Api, server: ApiServer) -> None:
    first = await acquired(api, "one")
    await server.put(taken(lease(server), terms("two"), NOON))

    await asyncio.wait_for(first.keep(), TIMEOUT_S)

    assert is_held_by(lease(server), "two")


async def test_a_holder_gives_up_before_others_may_take_it(api: Api, server: ApiServer) -> None:
    first = await acquired(api, "one")
    began_s = asyncio.get_running_loop().time()
    server.is_silent = True

    await asyncio.wait_for(first.keep(), TIMEOUT_S)

    assert asyncio.get_running_loop().time() - began_s < 1.0


async def test_a_failed_renewal_is_tried_again(api: Api, server: ApiServer) -> None:
    first = await acquired(api, "one")
    server.fail = {"update": [500, 409, 503]}
    keeping = asyncio.create_task(first.keep())

    done, _ = await asyncio.wait({keeping}, timeout=1.0)

    assert not done
    assert server.fail == {"update": []}
    keeping.cancel()
    await asyncio.wait({keeping})


async def test_giving_back_what_another_one_has_changes_nothing(
    api: Api, server: ApiServer
) -> None:
    first = await acquired(api, "one")
    await server.put(taken(lease(server), terms("two"), NOON))

    await first.release()

    assert is_held_by(lease(server), "two")
