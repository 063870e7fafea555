"""Flag documents in a file and in memory: one contract."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from voicemedia_rollout.document import DocumentMalformed, Rollout, read_document, write_document
from voicemedia_server.config.sources import load
from voicemedia_server.flags.stores import FileFlagStore, MemoryFlagStore, local_store
from voicemedia_server.ports import FlagStore, FlagsUnavailable, RevisionConflict

POLL_S = 0.01


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FlagStore:
    """One that holds revision 1."""
    if request.param == "memory":
        return MemoryFlagStore(Rollout())
    path = tmp_path / "flags.json"
    path.write_text(write_document(Rollout()))
    return FileFlagStore(path, POLL_S)


@contextlib.asynccontextmanager
async def watching(store: FlagStore) -> AsyncIterator[asyncio.Queue[str]]:
    """The texts that come, one by one."""
    texts: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(store.watch(texts.put_nowait))
    try:
        yield texts
    finally:
        task.cancel()
        await asyncio.wait([task])


async def revision_of(texts: asyncio.Queue[str]) -> int:
    return read_document(await asyncio.wait_for(texts.get(), 5)).revision


async def test_what_was_written_is_read(store: FlagStore) -> None:
    rollout = Rollout(revision=2, weight_percent=5)

    await store.replace(rollout)

    text = await store.read()
    assert text is not None
    assert read_document(text) == rollout


async def test_who_watches_gets_the_document_of_now_and_each_that_follows(
    store: FlagStore,
) -> None:
    async with watching(store) as texts:
        now = await revision_of(texts)
        await store.replace(Rollout(revision=2))

        assert (now, await revision_of(texts)) == (1, 2)


async def test_of_two_who_change_the_same_revision_one_is_told(store: FlagStore) -> None:
    await store.replace(Rollout(revision=2, changed_by="anna"))

    with pytest.raises(RevisionConflict, match="somebody changed"):
        await store.replace(Rollout(revision=2, changed_by="bob"))

    text = await store.read()
    assert text is not None
    assert read_document(text).changed_by == "anna"


async def test_the_first_document_of_a_file_has_revision_1(tmp_path: Path) -> None:
    store = FileFlagStore(tmp_path / "flags.json", POLL_S)

    assert await store.read() is None
    await store.replace(Rollout(revision=1))

    assert await store.read() == write_document(Rollout(revision=1))


async def test_a_file_that_comes_later_is_found(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    async with watching(FileFlagStore(path, POLL_S)) as texts:
        path.write_text(write_document(Rollout(revision=4)))

        assert await revision_of(texts) == 4


async def test_a_file_behind_a_link_that_is_turned_is_noticed(tmp_path: Path) -> None:
    """So Kubernetes brings a new ConfigMap into a mounted volume."""
    for revision in (1, 2):
        (tmp_path / str(revision)).write_text(write_document(Rollout(revision=revision)))
    path = tmp_path / "flags.json"
    path.symlink_to(tmp_path / "1")
    async with watching(FileFlagStore(path, POLL_S)) as texts:
        first = await revision_of(texts)
        (tmp_path / "new").symlink_to(tmp_path / "2")
        (tmp_path / "new").rename(path)

        assert (first, await revision_of(texts)) == (1, 2)


async def test_a_file_that_is_gone_for_a_while_keeps_the_last_document(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    path.write_text(write_document(Rollout(revision=1)))
    async with watching(FileFlagStore(path, POLL_S)) as texts:
        await revision_of(texts)
        path.unlink()
        path.write_text(write_document(Rollout(revision=2)))

        assert await revision_of(texts) == 2


async def test_a_document_by_another_hand_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    path.write_text('{"flags": {}}')

    with pytest.raises(DocumentMalformed):
        await FileFlagStore(path).replace(Rollout(revision=2))

    assert path.read_text() == '{"flags": {}}'


async def test_a_file_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    store = FileFlagStore(tmp_path)  # a folder

    with pytest.raises(FlagsUnavailable):
        await store.read()
    with pytest.raises(FlagsUnavailable):
        await FileFlagStore(tmp_path / "missing" / "flags.json").replace(Rollout())


async def test_a_server_without_a_file_gives_all_of_them_webrtc() -> None:
    text = await local_store(load([], {}).settings).read()

    assert text is not None
    assert read_document(text).weight_percent == 100


async def test_a_file_that_is_named_is_the_store(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    path.write_text(write_document(Rollout(revision=9)))

    store = local_store(load(["--flags-file", str(path)], {}).settings)

    assert await store.read() == path.read_text()
