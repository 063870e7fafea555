"""Documents that come: taken, or told and passed over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from interop.server_process import until
from voicemedia_rollout.document import DocumentMalformed, Rollout, write_document
from voicemedia_server.flags.evaluation import Flags
from voicemedia_server.flags.following import Following
from voicemedia_server.flags.stores import MemoryFlagStore
from voicemedia_server.ports import FlagStore, FlagsUnavailable


class Told:
    """What the observer was told."""

    def __init__(self) -> None:
        self.revisions: list[int] = []
        self.refused = 0

    def flags_taken(self, revision: int) -> None:
        self.revisions.append(revision)

    def flags_refused(self) -> None:
        self.refused += 1


class AwayStore:
    """A store whose server is down, or silent."""

    def __init__(self, *, is_silent: bool) -> None:
        self._is_silent = is_silent

    async def read(self) -> str | None:
        if self._is_silent:
            await asyncio.Event().wait()
        raise FlagsUnavailable("the store is down")

    async def replace(self, rollout: Rollout) -> None:
        raise FlagsUnavailable("the store is down")

    def know(self, text: str) -> None:
        """Nothing can be put there."""

    async def watch(self, take: Callable[[str], None]) -> None:
        await asyncio.Event().wait()


def test_a_document_is_taken_and_its_revision_told() -> None:
    told, flags = Told(), Flags()

    Following([MemoryFlagStore(Rollout())], flags, told).take(write_document(Rollout(revision=8)))

    assert (told.revisions, told.refused, flags.revision) == ([8], 0, 8)


def test_a_document_that_cannot_be_read_is_counted_and_changes_nothing() -> None:
    told, flags = Told(), Flags()
    following = Following([MemoryFlagStore(Rollout())], flags, told)
    following.take(write_document(Rollout(revision=8)))

    following.take("garbage")

    assert (told.revisions, told.refused, flags.revision) == ([8], 1, 8)


def test_the_same_document_again_is_told_once() -> None:
    told, flags = Told(), Flags()
    following = Following([MemoryFlagStore(Rollout())], flags, told)

    for text in ("garbage", "garbage", write_document(Rollout()), write_document(Rollout())):
        following.take(text)

    assert (told.revisions, told.refused) == ([1], 1)


async def test_what_the_store_has_is_in_force_once_begun() -> None:
    told, flags = Told(), Flags()

    await Following([MemoryFlagStore(Rollout(revision=8))], flags, told).begin()

    assert flags.revision == 8


@pytest.mark.looptime
@pytest.mark.parametrize("is_silent", [True, False])
async def test_a_start_waits_no_longer_than_its_deadline_for_a_store_that_is_away(
    is_silent: bool,
) -> None:
    told, flags = Told(), Flags()
    loop = asyncio.get_running_loop()
    began_s = loop.time()

    await Following([AwayStore(is_silent=is_silent)], flags, told).begin(within_s=1.5)

    assert loop.time() - began_s <= 1.5
    assert (told.revisions, told.refused) == ([], 0)


async def test_documents_that_follow_are_taken_one_by_one() -> None:
    told, flags = Told(), Flags()
    store = MemoryFlagStore(Rollout())
    following = Following([store], flags, told)
    await following.begin()
    task = asyncio.create_task(following.follow())

    async def is_changed() -> bool:
        return flags.revision == 2

    await store.replace(Rollout(revision=2))
    await until(is_changed, 5, "the change")
    task.cancel()
    await asyncio.wait([task])

    assert told.revisions == [1, 2]


async def test_of_several_stores_the_newest_revision_counts() -> None:
    told, flags = Told(), Flags()
    durable, quick = MemoryFlagStore(Rollout(revision=4)), MemoryFlagStore(Rollout(revision=6))
    following = Following([durable, quick], flags, told)
    await following.begin()

    for revision in (5, 6, 7):
        following.take(write_document(Rollout(revision=revision)))

    assert flags.revision == 7
    assert told.revisions[-2:] == [6, 7]


async def test_one_store_that_is_away_does_not_keep_the_other_from_being_read() -> None:
    told, flags = Told(), Flags()
    stores: list[FlagStore] = [AwayStore(is_silent=False), MemoryFlagStore(Rollout(revision=4))]

    await Following(stores, flags, told).begin()

    assert flags.revision == 4


async def test_what_a_single_store_has_counts_also_where_it_is_older() -> None:
    told, flags = Told(), Flags()
    following = Following([MemoryFlagStore(Rollout(revision=4))], flags, told)
    await following.begin()

    following.take(write_document(Rollout(revision=3)))

    assert flags.revision == 3


async def test_what_is_offered_is_taken_if_it_is_newer_and_stays() -> None:
    told, flags = Told(), Flags()
    following = Following([MemoryFlagStore(Rollout(revision=4))], flags, told)
    await following.begin()

    assert not following.offer(write_document(Rollout(revision=4)))
    assert following.offer(write_document(Rollout(revision=6)))
    following.take(write_document(Rollout(revision=5)))

    assert flags.revision == 6


async def test_garbage_that_is_offered_is_told_to_who_offers_it() -> None:
    told, flags = Told(), Flags()

    with pytest.raises(DocumentMalformed):
        Following([], flags, told).offer("garbage")

    assert told.refused == 0


class SharedStore(MemoryFlagStore):
    """A store that others read; `known` are the documents that it was told of."""

    def __init__(self, rollout: Rollout) -> None:
        super().__init__(rollout)
        self.known: list[str] = []

    def know(self, text: str) -> None:
        self.known.append(text)


async def test_what_is_in_force_is_told_to_every_store() -> None:
    shared = SharedStore(Rollout(revision=1))
    following = Following([MemoryFlagStore(Rollout(revision=9)), shared], Flags(), Told())

    await following.begin()

    assert shared.known[-1] == write_document(Rollout(revision=9))


async def test_a_document_whose_rollout_cannot_be_read_makes_no_older_one_newer() -> None:
    flags = Flags()
    following = Following([MemoryFlagStore(Rollout()), MemoryFlagStore(Rollout())], flags, Told())
    ours = write_document(Rollout(revision=12))
    following.take(ours.replace('"isKilled"', '"isFromTheFuture"'))
    assert (flags.revision, flags.rollout) == (12, None)

    following.take(write_document(Rollout(revision=3)))

    assert flags.revision == 12


async def test_an_offer_that_was_refused_changes_nothing() -> None:
    flags = Flags()
    following = Following([MemoryFlagStore(Rollout(revision=4))], flags, Told())
    await following.begin()
    without_flags = write_document(Rollout(revision=5)).replace('"flags"', '"banners"', 1)

    with pytest.raises(DocumentMalformed):
        following.offer(without_flags)
    assert not following.offer(write_document(Rollout(revision=3)))
    following.take(write_document(Rollout(revision=2)))

    assert flags.revision == 2
