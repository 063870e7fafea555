"""URLs of a Redis, and how long anybody waits for one."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from redis.asyncio import RedisCluster

from voicemedia_server.registry.connection import (
    WAIT_S,
    Connection,
    WrongUrl,
    connect,
    heeding_cancellation,
)


def options_of(connection: Connection) -> dict[str, object]:
    assert not isinstance(connection.client, RedisCluster)
    found: dict[str, object] = connection.client.connection_pool.connection_kwargs
    return found


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:6380/2",
        "rediss://user:secret@localhost",
        "unix:///run/redis.sock",
        "redis+sentinel://localhost:26379,localhost/calls/1",
        "rediss+sentinel://:secret@localhost/calls",
        "redis+cluster://[::1]:7000,localhost:7001",
    ],
)
async def test_a_url_of_every_form_is_understood(url: str) -> None:
    await connect(url).close()


async def test_nobody_waits_longer_than_a_quarter_of_a_second() -> None:
    for url in ("redis://localhost", "redis+sentinel://localhost/calls"):
        connection = connect(url)

        options = options_of(connection)

        assert options["socket_timeout"] == options["socket_connect_timeout"] == WAIT_S == 0.25
        await connection.close()


async def test_credentials_of_a_list_of_addresses_may_be_quoted() -> None:
    connection = connect("redis+sentinel://user:p%40ss@localhost/calls/3")

    options = options_of(connection)

    assert (options["username"], options["password"], options["db"]) == ("user", "p@ss", 3)
    await connection.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://localhost",
        "redis+sentinel://localhost",
        "redis+cluster://,",
        "redis+cluster://localhost:seven",
        "redis+unknown://localhost",
        "unix+cluster://localhost",
    ],
)
def test_what_is_no_url_of_a_redis_is_refused_and_never_repeated(url: str) -> None:
    with pytest.raises(WrongUrl) as refused:
        connect(url)

    assert not url or url not in str(refused.value)


async def swallowing(heard: asyncio.Event, failure: Exception | None = None) -> str:
    """What redis-py does at times with a cancellation."""
    with heeding_cancellation():
        with contextlib.suppress(asyncio.CancelledError):
            heard.set()
            await asyncio.Event().wait()
        if failure is not None:
            raise failure
    return "went on"


@pytest.mark.parametrize("failure", [None, OSError()], ids=["answered", "failed"])
async def test_a_cancellation_that_is_swallowed_counts_all_the_same(
    failure: Exception | None,
) -> None:
    heard = asyncio.Event()
    task = asyncio.create_task(swallowing(heard, failure))
    await heard.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_deadline_that_is_swallowed_is_a_deadline_still() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await swallowing(asyncio.Event())


async def test_a_cancellation_of_before_is_no_matter() -> None:
    """Who is being cancelled may still ask Redis, to take itself off the list."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)

    with heeding_cancellation():
        await asyncio.sleep(0)

    assert task.uncancel() == 0


async def test_what_goes_well_or_fails_of_itself_is_as_it_was() -> None:
    with heeding_cancellation():
        await asyncio.sleep(0)
    with pytest.raises(OSError, match="away"), heeding_cancellation():
        raise OSError("away")
