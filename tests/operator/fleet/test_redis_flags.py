"""The flags of fleets in Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from voicemedia_operator.fleet.redis_flags import FlagsUnwritten, RedisFlags, flags_key
from voicemedia_operator.fleet.redis_url import Connection
from voicemedia_operator.reconcile.observed import Flags

FLEET = "calls.voice"
URL = "redis://here"


class Redises:
    """A Redis for each URL, and how often it was connected to."""

    def __init__(self) -> None:
        self.servers: dict[str, FakeServer] = {}
        self.connected: list[str] = []

    def connect(self, url: str) -> Connection:
        self.connected.append(url)
        return Connection(self.client(url))

    def client(self, url: str) -> FakeAsyncRedis:
        server = self.servers.setdefault(url, FakeServer())
        return FakeAsyncRedis(server=server, decode_responses=True)


@pytest.fixture
def redises() -> Redises:
    return Redises()


@pytest.fixture
async def flags(redises: Redises) -> AsyncIterator[RedisFlags]:
    made = RedisFlags(redises.connect)
    yield made
    await made.close()


async def test_where_nothing_was_written_there_is_no_document(flags: RedisFlags) -> None:
    assert await flags.read(FLEET, URL) == Flags(True, None)


async def test_what_was_published_is_there(flags: RedisFlags) -> None:
    await flags.publish(FLEET, URL, 3, "three")

    assert await flags.read(FLEET, URL) == Flags(True, "three")


async def test_a_newer_document_is_never_replaced_by_an_older_one(flags: RedisFlags) -> None:
    await flags.publish(FLEET, URL, 3, "three")

    await flags.publish(FLEET, URL, 2, "two")

    assert await flags.read(FLEET, URL) == Flags(True, "three")


async def test_a_revision_may_be_skipped(flags: RedisFlags) -> None:
    await flags.publish(FLEET, URL, 1, "one")

    await flags.publish(FLEET, URL, 7, "seven")

    assert await flags.read(FLEET, URL) == Flags(True, "seven")


async def test_listeners_hear_of_a_change_at_once(flags: RedisFlags, redises: Redises) -> None:
    client = redises.client(URL)
    async with client.pubsub() as listening:
        await listening.subscribe(flags_key(FLEET))
        await listening.get_message(timeout=5)

        await flags.publish(FLEET, URL, 3, "three")

        heard = await listening.get_message(ignore_subscribe_messages=True, timeout=5)
    await client.aclose()

    assert heard is not None
    assert heard["data"] == "3"


async def test_fleets_do_not_see_each_others_flags(flags: RedisFlags) -> None:
    await flags.publish(FLEET, URL, 3, "three")

    assert await flags.read("calls.other", URL) == Flags(True, None)


async def test_a_redis_that_is_away_is_seen_as_such(flags: RedisFlags, redises: Redises) -> None:
    redises.servers[URL] = FakeServer()
    redises.servers[URL].connected = False

    assert await flags.read(FLEET, URL) == Flags(is_reachable=False)
    with pytest.raises(FlagsUnwritten):
        await flags.publish(FLEET, URL, 3, "three")


async def test_a_connection_is_kept_until_the_url_changes(
    flags: RedisFlags, redises: Redises
) -> None:
    for url in (URL, URL, "redis://there", "redis://there"):
        await flags.read(FLEET, url)

    assert redises.connected == [URL, "redis://there"]


async def test_a_url_that_is_none_is_as_good_as_no_redis() -> None:
    flags = RedisFlags()

    assert await flags.read(FLEET, "nonsense") == Flags(is_reachable=False)
