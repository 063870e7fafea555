"""From a URL to a Redis client: a single server, one behind Sentinel, or a cluster.

`redis://`, `rediss://` (TLS) and `unix://` are redis-py's own. `redis+sentinel://` and
`redis+cluster://` name several: `redis+sentinel://[user:password@]host:port,host:port/service[/db]`
and `redis+cluster://[user:password@]host:port,host:port`. With `rediss+` in front they speak TLS.

redis-py's defaults wait 5 s for a refused port and a minute for a hung server; here nobody waits
longer than a quarter of a second, and nothing is tried twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

WAIT_S = 0.25
REDIS_PORT = 6379
SENTINEL_PORT = 26379
FORMS = "redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://"

Client = Redis | RedisCluster


@dataclass(frozen=True, slots=True)
class Connection:
    """A client, and those that it asks where to go."""

    client: Client
    guides: Sequence[Redis] = ()

    async def close(self) -> None:
        """Closes what is open."""
        for each in (self.client, *self.guides):
            await each.aclose()


@contextmanager
def heeding_cancellation() -> Iterator[None]:
    """Raises `CancelledError` where the task was cancelled within, whatever came of it: redis-py
    may swallow a cancellation, and who goes on unaware never ends."""
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    before = task.cancelling()
    try:
        yield
    finally:
        if task.cancelling() > before:
            raise asyncio.CancelledError


class WrongUrl(ValueError):
    """Not a URL of a Redis that we know; the message never repeats it, as it may hold a secret."""


def connect(url: str) -> Connection:
    """One that connects when it is first used. Raises `WrongUrl`."""
    try:
        parts = urlsplit(url)
        scheme, _, kind = parts.scheme.partition("+")
        options: dict[str, Any] = {
            "socket_timeout": WAIT_S,
            "socket_connect_timeout": WAIT_S,
            "decode_responses": True,
            "retry": Retry(NoBackoff(), 0),
        }
        if kind:
            options |= _credentials(parts) | ({"ssl": True} if scheme == "rediss" else {})
        match scheme, kind:
            case (("redis" | "rediss" | "unix"), ""):
                return Connection(Redis.from_url(url, **options))
            case (("redis" | "rediss"), "sentinel"):
                return _behind_sentinel(parts, options)
            case (("redis" | "rediss"), "cluster"):
                nodes = [ClusterNode(host, port) for host, port in _addresses(parts, REDIS_PORT)]
                return Connection(RedisCluster(startup_nodes=nodes, **options))
    except ValueError as failure:
        raise WrongUrl(f"cannot be read as a URL of a Redis: write {FORMS}") from failure
    raise WrongUrl(f"has another scheme than {FORMS}")


def _behind_sentinel(parts: SplitResult, options: dict[str, Any]) -> Connection:
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("the name of the service is missing")
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # the library leaves it untyped
        _addresses(parts, SENTINEL_PORT),
        sentinel_kwargs={
            "socket_timeout": WAIT_S,
            "socket_connect_timeout": WAIT_S,
            "retry": options["retry"],
        },
    )
    master = sentinel.master_for(service, **options, db=int(database or 0))
    return Connection(master, sentinel.sentinels)


def _addresses(parts: SplitResult, default_port: int) -> list[tuple[str, int]]:
    found = []
    for address in parts.netloc.rpartition("@")[2].split(","):
        one = urlsplit(f"//{address}")
        if not one.hostname:
            raise ValueError("an address is empty")
        found.append((one.hostname, one.port or default_port))
    return found


def _credentials(parts: SplitResult) -> dict[str, str]:
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    found = {"username": unquote(user), "password": unquote(password)}
    return {name: value for name, value in found.items() if value}
