"""From a URL to a Redis client, in the forms that the media server takes: a contract test holds
both to the same. Nobody waits longer than a quarter of a second here, and nothing is tried twice.
"""

from __future__ import annotations

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

Client = Redis | RedisCluster


class WrongUrl(ValueError):
    """Not a URL of a Redis that we know; the message never repeats it, as it may hold a secret."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A client, and those that it asks where to go."""

    client: Client
    guides: tuple[Redis, ...] = ()

    async def close(self) -> None:
        """Closes what is open."""
        for each in (self.client, *self.guides):
            await each.aclose()


def connect(url: str) -> Connection:
    """One that connects when it is first used. Raises `WrongUrl`."""
    options: dict[str, Any] = {
        "socket_timeout": WAIT_S,
        "socket_connect_timeout": WAIT_S,
        "decode_responses": True,
        "retry": Retry(NoBackoff(), 0),
    }
    try:
        parts = urlsplit(url)
        scheme, _, kind = parts.scheme.partition("+")
        if scheme not in ("redis", "rediss") and url.startswith("unix://") is False:
            raise ValueError("an unknown scheme")
        if not kind:
            return Connection(Redis.from_url(url, **options))
        options |= _credentials(parts) | ({"ssl": True} if scheme == "rediss" else {})
        if kind == "sentinel":
            return _behind_sentinel(parts, options)
        if kind == "cluster":
            nodes = [ClusterNode(host, port) for host, port in _addresses(parts, REDIS_PORT)]
            return Connection(RedisCluster(startup_nodes=nodes, **options))
    except ValueError as failure:
        raise WrongUrl("cannot be read as a URL of a Redis") from failure
    raise WrongUrl("has another scheme than those of a Redis")


def _behind_sentinel(parts: SplitResult, options: dict[str, Any]) -> Connection:
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("the name of the service is missing")
    own = {name: options[name] for name in ("socket_timeout", "socket_connect_timeout", "retry")}
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # the library leaves it untyped
        _addresses(parts, SENTINEL_PORT), sentinel_kwargs=own
    )
    master = sentinel.master_for(service, **options, db=int(database or 0))
    return Connection(master, tuple(sentinel.sentinels))


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
