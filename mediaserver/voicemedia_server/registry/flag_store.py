"""The fleet's flag document in Redis: published when it changes, and polled as the net.

A server keeps what it saw: a Redis that forgot the document, or came back with an older one, is
given the newest again by whoever has it. So a revision never goes down in a fleet that lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

import structlog
from redis.exceptions import RedisError

from voicemedia_rollout.document import DocumentMalformed, Rollout, read_document, write_document
from voicemedia_server.ports import FlagsUnavailable, RevisionConflict
from voicemedia_server.registry.connection import Connection, heeding_cancellation
from voicemedia_server.registry.scripts import PREFIX

log = structlog.get_logger("flags")

POLL_S = 5.0
RETRY_S = 1.0
REPLACE = """
local found = tonumber(redis.call('HGET', KEYS[1], 'revision') or '0')
if found + 1 ~= tonumber(ARGV[1]) then return found end
redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'document', ARGV[2])
redis.call('PUBLISH', KEYS[1], ARGV[1])
return -1
"""
RESTORE = """
local found = tonumber(redis.call('HGET', KEYS[1], 'revision') or '0')
if found >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'document', ARGV[2])
redis.call('PUBLISH', KEYS[1], ARGV[1])
return 1
"""
FAILURES = (RedisError, OSError, TimeoutError)


class Subscription(Protocol):
    """What we use of redis-py's PubSub, which it leaves untyped."""

    async def subscribe(self, channel: str) -> None: ...

    async def get_message(
        self,
        ignore_subscribe_messages: bool,
        timeout: float,  # noqa: ASYNC109  # redis-py's own
    ) -> dict[str, object] | None: ...

    async def aclose(self) -> None: ...


class RedisFlagStore:
    """`FlagStore` in the Redis of a fleet. Its key and its channel have one name."""

    def __init__(self, connection: Connection, fleet: str, poll_s: float = POLL_S) -> None:
        self._connection = connection
        self._client = connection.client
        self._key = f"{PREFIX}:{{{fleet}}}:flags"
        self._poll_s = poll_s
        self._newest: str | None = None

    async def close(self) -> None:
        """Closes the connection."""
        await self._connection.close()

    async def read(self) -> str | None:
        """The text. Raises `FlagsUnavailable`."""
        try:
            return await self._read()
        except FAILURES as failure:
            raise FlagsUnavailable("Redis does not answer, or not sense") from failure

    async def _read(self) -> str | None:
        with heeding_cancellation():
            found = self._client.hget(self._key, "document")
            return await cast(Awaitable[str | None], found)

    async def replace(self, rollout: Rollout) -> None:
        """Raises `RevisionConflict` or `FlagsUnavailable`."""
        try:
            found = await self._run(REPLACE, rollout)
        except FAILURES as failure:
            raise FlagsUnavailable("Redis does not answer, or not sense") from failure
        if found >= 0:
            raise RevisionConflict(
                f"revision {rollout.revision} does not follow {found}: somebody changed the flags "
                "meanwhile; look at them and try again"
            )

    async def _run(self, script: str, rollout: Rollout) -> int:
        with heeding_cancellation():
            answer = self._client.eval(
                script, 1, self._key, str(rollout.revision), write_document(rollout)
            )
            return int(await cast(Awaitable[int], answer))

    def know(self, text: str) -> None:
        """It is put into Redis at the next look, unless what is there is newer."""
        ours, known = _rollout_in(text), _rollout_in(self._newest)
        if ours is not None and (known is None or ours.revision > known.revision):
            self._newest = text

    async def watch(self, take: Callable[[str], None]) -> None:
        """Gives the text now and after each change, until cancelled."""
        seen: str | None = None
        is_away = False
        while True:
            subscription = cast(Subscription, self._client.pubsub())
            try:
                with heeding_cancellation():
                    await subscription.subscribe(self._key)
                is_away = False
                while True:
                    seen = await self._look(seen, take)
                    with heeding_cancellation():
                        await subscription.get_message(
                            ignore_subscribe_messages=True, timeout=self._poll_s
                        )
            except FAILURES:
                if not is_away:
                    log.warning("flags cannot be had from Redis; the last document counts")
                is_away = True
            finally:
                await subscription.aclose()
            await asyncio.sleep(RETRY_S)

    async def _look(self, seen: str | None, take: Callable[[str], None]) -> str | None:
        """What is in force now: what Redis has, unless what was seen is newer."""
        found = await self._read()
        ours, theirs = _rollout_in(self._newest), _rollout_in(found)
        if ours is not None and (theirs.revision if theirs else 0) < ours.revision:
            await self._run(RESTORE, ours)
            return seen
        if found is None or found == seen:
            return seen
        self.know(found)
        take(found)
        return found


def _rollout_in(text: str | None) -> Rollout | None:
    """Of a document of ours."""
    try:
        return None if text is None else read_document(text)
    except DocumentMalformed:
        return None
