"""The flag document of each fleet in its Redis, where pods listen for changes.

Key, channel and form are the media server's (its `registry/flag_store.py`); a contract test carries
documents from here to there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from redis.exceptions import RedisError

from voicemedia_operator.fleet.redis_url import Connection, WrongUrl, connect
from voicemedia_operator.reconcile.observed import Flags

REPLACE_OLDER = """
local found = tonumber(redis.call('HGET', KEYS[1], 'revision') or '0')
if found >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'document', ARGV[2])
redis.call('PUBLISH', KEYS[1], ARGV[1])
return 1
"""
FAILURES = (RedisError, OSError, TimeoutError)


class FlagsUnwritten(Exception):
    """Redis did not take the document."""


def flags_key(fleet: str) -> str:
    """Also the name of the channel on which a change is published."""
    return f"voicemedia:{{{fleet}}}:flags"


class RedisFlags:
    """Of all fleets that one process knows, each by a connection of its own."""

    def __init__(self, connect: Callable[[str], Connection] = connect) -> None:
        self._connect = connect
        self._connections: dict[str, tuple[str, Connection]] = {}

    async def close(self) -> None:
        """Closes the connections."""
        for _, connection in self._connections.values():
            await connection.close()
        self._connections.clear()

    async def forget(self, fleet: str) -> None:
        """Closes the connection of a fleet that is gone."""
        if found := self._connections.pop(fleet, None):
            await found[1].close()

    async def read(self, fleet: str, url: str) -> Flags:
        """What is there, if Redis answers."""
        try:
            connection = await self._connection(fleet, url)
            found = connection.client.hget(flags_key(fleet), "document")
            return Flags(True, await cast(Awaitable[str | None], found))
        except (*FAILURES, WrongUrl):
            return Flags(is_reachable=False)

    async def publish(self, fleet: str, url: str, revision: int, document: str) -> None:
        """In place of an older one; a newer one stays. Raises `FlagsUnwritten`."""
        try:
            connection = await self._connection(fleet, url)
            answer = connection.client.eval(
                REPLACE_OLDER, 1, flags_key(fleet), str(revision), document
            )
            await cast(Awaitable[int], answer)
        except (*FAILURES, WrongUrl) as failure:
            raise FlagsUnwritten("Redis does not answer, or not sense") from failure

    async def _connection(self, fleet: str, url: str) -> Connection:
        """Another URL is another connection."""
        known = self._connections.get(fleet)
        if known is not None and known[0] == url:
            return known[1]
        await self.forget(fleet)
        connection = self._connect(url)
        self._connections[fleet] = url, connection
        return connection
