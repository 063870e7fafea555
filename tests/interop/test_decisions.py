"""Version switching on the real server: flags changed on the command line, obeyed by new sessions,
kept by live ones."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import aiohttp
import pytest

from interop.server_process import ServerProcess, running_server, until
from interop.test_aiortc_client import until_heard
from interop.tone_client import tone_call
from mediaserver.websocket.checked import CheckedSocket

pytestmark = pytest.mark.system

COMMAND = Path(sys.executable).with_name("voicemedia-flags")
CLIENTS = [str(uuid5(NAMESPACE_DNS, str(number))) for number in range(10_000)]
AT_ONCE = 32
CAN_BOTH = {"webrtc": True, "websocket": True}
MEDIA = {"payload": "f39/f39/f38="}


@pytest.fixture
def flags_file(tmp_path: Path) -> Path:
    return tmp_path / "flags.json"


async def flags(file: Path, *words: str) -> str:
    """Types a command of `voicemedia-flags` for this file."""
    return await flags_command("--file", str(file), *words)


async def flags_command(*words: str) -> str:
    """Types a command of `voicemedia-flags`; returns what it tells."""
    process = await asyncio.create_subprocess_exec(
        str(COMMAND), *words, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return told.decode()


@pytest.fixture
async def servers(flags_file: Path, tmp_path: Path) -> AsyncIterator[list[ServerProcess]]:
    """Two servers of one fleet: one flag document, one secret; half of the clients get WebRTC."""
    secret = tmp_path / "secret"
    secret.write_text("s" * 32)
    await flags(flags_file, "split", "50")
    options = (
        *("--flags-file", str(flags_file), "--fleet-secret-file", str(secret)),
        *("--post-rate-per-s", "0"),
    )
    async with running_server(*options) as first, running_server(*options) as second:
        for server in (first, second):
            await until(lambda server=server: is_at_revision(server, 1), 5, "the flags")
        yield [first, second]


async def ask(server: ServerProcess, client_id: str = "anna", **members: object) -> dict[str, Any]:
    """`POST /v2/session`."""
    body = {"client_id": client_id, "capabilities": CAN_BOTH, **members}
    async with server.http.post(server.base_url + "/v2/session", json=body) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == 200, answer
        return answer


async def variants(servers: list[ServerProcess]) -> dict[str, str]:
    """What each client is given, every second one asked at the other server."""
    given: dict[str, str] = {}
    waiting = iter(enumerate(CLIENTS))

    async def keep_asking() -> None:
        for number, client in waiting:
            given[client] = (await ask(servers[number % 2], client))["variant"]

    await asyncio.gather(*(keep_asking() for _ in range(AT_ONCE)))
    return given


async def is_at_revision(server: ServerProcess, revision: int) -> bool:
    return bool((await ask(server))["revision"] == revision)


async def metric(server: ServerProcess, line: str) -> float:
    """The value of one series, by its name and labels."""
    async with server.http.get(server.base_url + "/metrics") as response:
        text = await response.text()
    return float(next(row for row in text.splitlines() if row.startswith(line)).split()[-1])


async def test_the_split_is_right_at_two_servers_and_widening_moves_nobody_out(
    servers: list[ServerProcess], flags_file: Path
) -> None:
    before = await variants(servers)
    await flags(flags_file, "split", "70")
    for server in servers:
        await until(lambda server=server: is_at_revision(server, 2), 5, "the new flags")
    after = await variants(servers)

    assert abs(100 * Counter(before.values())["webrtc"] / len(CLIENTS) - 50) < 1
    assert abs(100 * Counter(after.values())["webrtc"] / len(CLIENTS) - 70) < 1
    assert [c for c in CLIENTS if before[c] == "webrtc" and after[c] != "webrtc"] == []


async def test_the_kill_switch_reaches_every_server_within_a_second(
    servers: list[ServerProcess], flags_file: Path
) -> None:
    await flags(flags_file, "kill")
    killed_s = time.monotonic()

    for server in servers:
        await until(lambda server=server: is_at_revision(server, 2), 5, "the kill")
    took_s = time.monotonic() - killed_s

    answers = [await ask(server, client) for server in servers for client in CLIENTS[:50]]
    print(f"kill switch obeyed after {took_s * 1000:.0f} ms")
    assert took_s < 1
    assert {(a["transport"], a["reason"]) for a in answers} == {("websocket", "kill")}


async def test_a_live_call_keeps_its_variant_when_all_others_are_killed(
    servers: list[ServerProcess], flags_file: Path
) -> None:
    server = servers[0]
    await flags(flags_file, "split", "100")
    for each in servers:
        await until(lambda each=each: is_at_revision(each, 2), 5, "the flags")
    whip_url = (await ask(servers[1]))["urls"]["whip"].replace(servers[1].base_url, server.base_url)

    async with tone_call(whip_url) as call:
        await until_heard(call)
        await flags(flags_file, "kill")
        await until(lambda: is_at_revision(server, 3), 5, "the kill")
        heard = len(call.frames)
        await until_frames(call.frames, heard + 50)
        (session,) = (await server.stats())["per_session"]

    assert (session["variant"], session["transport"]) == ("webrtc", "webrtc")
    ok = 'voicemedia_session_outcomes_total{outcome="ok",variant="webrtc"}'
    await until(lambda: counted(server, ok), 5, "the outcome")


async def until_frames(frames: list[Any], count: int) -> None:
    async def is_heard() -> bool:
        return len(frames) >= count

    await until(is_heard, 10, f"{count} frames")


async def counted(server: ServerProcess, line: str) -> bool:
    return await metric(server, line) == 1


async def test_a_client_whose_webrtc_fails_is_counted_as_a_fallback(
    servers: list[ServerProcess], flags_file: Path
) -> None:
    server = servers[0]
    await flags(flags_file, "split", "100")
    await until(lambda: is_at_revision(server, 2), 5, "the flags")
    given = await ask(server)

    async with server.http.ws_connect(given["urls"]["websocket"]) as socket:
        phone = CheckedSocket(socket)
        await phone.say({"event": "start", "streamSid": "MZ1", "start": {}})
        await phone.say({"event": "media", "streamSid": "MZ1", "media": MEDIA})
        echoed = await phone.hear(10)
        (session,) = (await server.stats())["per_session"]
        await phone.say({"event": "stop", "streamSid": "MZ1"})

    assert isinstance(echoed, dict)
    assert echoed["event"] == "media"
    assert (session["variant"], session["transport"]) == ("webrtc", "websocket")
    fallback = 'voicemedia_session_outcomes_total{outcome="fallback",variant="webrtc"}'
    await until(lambda: counted(server, fallback), 5, "the outcome")


async def test_a_session_token_that_was_made_up_opens_nothing(
    servers: list[ServerProcess],
) -> None:
    async with servers[0].http.get(servers[0].base_url + "/v2/ws?session=made.up.token") as plain:
        assert plain.status == 400
    with pytest.raises(aiohttp.WSServerHandshakeError, match="400"):
        await servers[0].http.ws_connect(servers[0].base_url + "/v2/ws?session=made.up.token")

    assert await servers[0].session_count() == 0
