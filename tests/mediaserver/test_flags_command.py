"""`voicemedia-flags`, as people type it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mediaserver.registry.redis_server import running_redis
from voicemedia_rollout.document import DocumentMalformed, Rollout, read_document, write_document
from voicemedia_server.flags_command import CommandFailed, run

NOW_UNIX_S = 1_764_000_000
NORTH = {"VOICEMEDIA_FLEET": "north"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flags.json"


async def say(file: Path, *arguments: str) -> str:
    return await run(["--file", str(file), *arguments], {}, NOW_UNIX_S)


def put(file: Path, text: str) -> None:
    file.write_text(text)


def text_of(file: Path) -> str | None:
    return file.read_text() if file.exists() else None


def rollout_in(file: Path) -> Rollout:
    return read_document(file.read_text())


async def test_a_first_split_makes_the_document(file: Path) -> None:
    told = await say(file, "split", "5", "--by", "anna", "--reason", "try it")

    assert told == (
        "revision   1\nwebrtc     5 %\nchanged    2025-11-24 16:00:00 UTC by anna: try it\n"
        "guard      on: every 10 s over 300 s, 50 sessions, 3 failed checks; setup-failure limit "
        "0.1 worse by 0.05, lost worse by 0.1, mos limit 3.6 worse by 0.5\n"
    )
    assert rollout_in(file).weight_percent == 5


async def test_each_change_is_the_next_revision_with_a_reason_of_its_own(file: Path) -> None:
    reasons = []
    for words in (["split", "30"], ["kill"], ["revive"], ["rollback"]):
        await say(file, *words)
        reasons.append((rollout_in(file).revision, rollout_in(file).reason))

    assert reasons == [
        (1, "split 30 %"),
        (2, "killed"),
        (3, "revived"),
        (4, "rolled back from 30 %"),
    ]


async def test_the_guard_is_told_when_to_take_a_share_back(file: Path) -> None:
    await say(file, "split", "30")
    words = ("--window-s", "60", "--limit", "setup-failure=0.2", "--worse-by", "jitter=0.01")
    told = await say(file, "guard", *words, "--limit", "mos=none", "--worse-by", "mos=none")

    assert (
        "on: every 10 s over 60 s, 50 sessions, 3 failed checks; lost worse by 0.1, "
        "setup-failure limit 0.2 worse by 0.05, jitter worse by 0.01\n"
    ) in told
    assert rollout_in(file).weight_percent == 30

    assert "guard      off\n" in await say(file, "guard", "off")
    assert "guard      on: every 10 s over 60 s" in await say(file, "guard", "on")


@pytest.mark.parametrize(
    "words", [("--limit", "smiles=3"), ("--limit", "mos"), ("--worse-by", "mos=much")]
)
async def test_a_bound_of_no_measure_is_a_wrong_call(file: Path, words: tuple[str, str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        await say(file, "guard", *words)


async def test_an_analysis_that_makes_no_sense_is_told(file: Path) -> None:
    with pytest.raises(DocumentMalformed, match=r"analysis\.windowS"):
        await say(file, "guard", "--window-s", "0")


async def test_killing_keeps_the_weight_for_the_time_after(file: Path) -> None:
    await say(file, "split", "30")
    await say(file, "kill")

    assert "30 % (killed)" in await say(file, "show")
    assert "gets websocket (revision 2): the kill switch" in await say(file, "explain", "anna")

    await say(file, "revive")
    assert rollout_in(file).weight_percent == 30


async def test_an_override_is_set_explained_and_taken_back(file: Path) -> None:
    await say(file, "split", "0")
    await say(file, "set", "tenant", "acme", "webrtc")

    explained = await say(file, "explain", "anna", "--tenant", "acme")
    shown = await say(file, "show")
    await say(file, "unset", "tenant", "acme")

    assert explained == (
        "anna gets webrtc (revision 2): it, or its tenant, is listed as an override\n"
    )
    assert "override   tenant acme: webrtc" in shown
    assert rollout_in(file).overrides == ()


async def test_explaining_without_a_document_says_so(file: Path) -> None:
    assert "there is no document" in await say(file, "explain", "anna")


async def test_explaining_minds_what_the_client_can_do(file: Path) -> None:
    await say(file, "split", "100")

    assert "it cannot do what the flag says" in await say(
        file, "explain", "anna", "--without-webrtc"
    )


async def test_the_document_itself_can_be_had(file: Path) -> None:
    await say(file, "split", "1")

    assert await say(file, "show", "--raw") == text_of(file)


@pytest.mark.parametrize(
    ("words", "failure"),
    [(["show"], CommandFailed), (["split", "101"], DocumentMalformed)],
)
async def test_what_cannot_be_done_is_told(
    file: Path, words: list[str], failure: type[Exception]
) -> None:
    with pytest.raises(failure):
        await say(file, *words)

    assert text_of(file) is None


async def test_a_document_by_another_hand_is_explained_but_not_changed(file: Path) -> None:
    put(
        file,
        '{"flags": {"voice-transport": {"state": "ENABLED", "variants": {"on": "webrtc"}, '
        '"defaultVariant": "on"}}}',
    )

    assert "anna gets webrtc" in await say(file, "explain", "anna")
    with pytest.raises(DocumentMalformed, match="not written by voicemedia"):
        await say(file, "kill")


async def test_the_file_may_be_named_in_the_environment(file: Path) -> None:
    put(file, write_document(Rollout(revision=3)))

    assert "revision   3" in await run(["show"], {"VOICEMEDIA_FLAGS_FILE": str(file)}, 0)
    with pytest.raises(CommandFailed, match="--file"):
        await run(["show"], {}, 0)


def test_the_command_exits_with_1_and_a_sentence(file: Path) -> None:
    command = [sys.executable, "-m", "voicemedia_server.flags_command", "--file", str(file), "show"]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)

    assert ended.returncode == 1
    assert ended.stderr == (
        "voicemedia-flags: there is no document yet; a first `split` makes one\n"
    )


@pytest.mark.system
async def test_a_fleets_document_is_changed_in_its_redis() -> None:
    async with running_redis() as redis:
        where = ["--redis", redis.url, "--fleet", "north"]
        await run([*where, "split", "5"], {}, NOW_UNIX_S)
        shown = await run(["show"], {"VOICEMEDIA_REGISTRY_URL": redis.url, **NORTH}, NOW_UNIX_S)

    assert "webrtc     5 %" in shown
