"""Calls over WebSocket move from one real server to another, and nobody hears it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from interop.server_process import ServerProcess, running_server, until
from mediaserver.websocket.checked import CheckedSocket

pytestmark = pytest.mark.system

FRAME_S = 0.02
WITHIN_S = 15.0


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[tuple[ServerProcess, ServerProcess]]:
    """Two servers that share a secret."""
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef0123456789abcdef\n")
    options = ("--fleet-secret-file", str(secret), "--drain-notice-s", "5")
    async with running_server(*options) as one, running_server(*options) as another:
        yield one, another


class MovingPhone:
    """Speaks numbered frames at pace on whichever connection is its current one, and keeps the
    numbers that come back on any."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.sent = 0
        self.heard: list[int] = []
        self.asked: dict[str, Any] | None = None
        self.close_codes: list[int | None] = []
        self.current: CheckedSocket | None = None

    async def connect(
        self, url: str, tasks: asyncio.TaskGroup, resume_token: str | None = None
    ) -> dict[str, Any]:
        """Opens a connection, and speaks there from when it is started."""
        socket = CheckedSocket(await self.http.ws_connect(url, protocols=["vm.v2.json"]))
        start = {"resumeToken": resume_token} if resume_token else {}
        await socket.say({"event": "start", "start": start})
        started = await socket.hear(WITHIN_S)
        assert isinstance(started, dict)
        self.current = socket
        tasks.create_task(self._listen(socket))
        return started

    async def _listen(self, socket: CheckedSocket) -> None:
        while (message := await socket.hear(WITHIN_S)) is not None:
            assert isinstance(message, dict)
            match message["event"]:
                case "media":
                    payload = base64.b64decode(message["media"]["payload"])
                    self.heard.append(int.from_bytes(payload[:4], "big"))
                case "mark":
                    await socket.say(message)
                case "reconnect":
                    self.asked = message
        self.close_codes.append(socket.socket.close_code)

    async def speak(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while True:
            assert self.current is not None
            self.sent += 1
            frame = self.sent.to_bytes(4, "big") + bytes(156)
            with contextlib.suppress(ConnectionError):
                await self.current.say(
                    {"event": "media", "media": {"payload": base64.b64encode(frame).decode()}}
                )
            await asyncio.sleep(began_s + self.sent * FRAME_S - loop.time())

    async def until_heard(self, count: int) -> None:
        async def is_heard() -> bool:
            return len(self.heard) >= count

        await until(is_heard, WITHIN_S, f"{count} frames of echo")


def url_of(server: ServerProcess) -> str:
    return server.base_url.replace("http", "ws", 1) + "/v2/ws"


async def test_a_call_moves_to_another_server_when_its_own_leaves_and_no_frame_is_lost(
    fleet: tuple[ServerProcess, ServerProcess],
) -> None:
    leaving, staying = fleet
    phone = MovingPhone(staying.http)
    async with asyncio.TaskGroup() as tasks:
        before = await phone.connect(url_of(leaving), tasks)
        speaking = tasks.create_task(phone.speak())
        await phone.until_heard(50)
        stopped = tasks.create_task(leaving.stop())

        async def is_asked() -> bool:
            return phone.asked is not None

        await until(is_asked, WITHIN_S, "the request to move")
        assert phone.asked is not None
        old = phone.current
        assert old is not None
        after = await phone.connect(url_of(staying), tasks, phone.asked["resumeToken"])
        await phone.until_heard(len(phone.heard) + 25)
        await old.say({"event": "stop"})
        assert await stopped == 0
        await phone.until_heard(len(phone.heard) + 25)
        speaking.cancel()
        assert phone.current is not None
        await phone.current.say({"event": "stop"})

    assert (before["session"]["resumed"], after["session"]["resumed"]) == (False, True)
    assert after["streamSid"] == before["streamSid"]
    assert phone.close_codes == [1000, 1000]
    assert sorted(phone.heard) == list(range(1, len(phone.heard) + 1)), "every frame came back"
    assert phone.sent - len(phone.heard) <= 3, "but for those that were under way"


async def test_within_one_server_the_old_connection_is_ended_when_the_new_one_is_heard(
    fleet: tuple[ServerProcess, ServerProcess],
) -> None:
    server, _ = fleet
    phone = MovingPhone(server.http)
    async with asyncio.TaskGroup() as tasks:
        before = await phone.connect(url_of(server), tasks)
        speaking = tasks.create_task(phone.speak())
        await phone.until_heard(25)

        await phone.connect(url_of(server), tasks, before["session"]["resumeToken"])
        await phone.until_heard(len(phone.heard) + 25)

        async def one_is_left() -> bool:
            return await server.session_count() == 1 and phone.close_codes == [1000]

        await until(one_is_left)
        speaking.cancel()
        assert phone.current is not None
        await phone.current.say({"event": "stop"})
    ended = [line["reason"] for line in server.lines if line["event"] == "session closed"]
    assert ended[0] == "moved"
    assert sorted(phone.heard) == list(range(1, len(phone.heard) + 1)), "every frame came back"


async def test_a_server_with_another_secret_begins_the_call_anew(
    server: ServerProcess, fleet: tuple[ServerProcess, ServerProcess]
) -> None:
    other, _ = fleet
    async with server.http.ws_connect(url_of(other), protocols=["vm.v2.json"]) as socket:
        phone = CheckedSocket(socket)
        await phone.say({"event": "start"})
        started = await phone.hear(WITHIN_S)
    assert isinstance(started, dict)
    token = started["session"]["resumeToken"]

    async with server.http.ws_connect(url_of(server), protocols=["vm.v2.json"]) as socket:
        phone = CheckedSocket(socket)
        await phone.say({"event": "start", "start": {"resumeToken": token}})
        error, started = await phone.hear(WITHIN_S), await phone.hear(WITHIN_S)
    assert isinstance(error, dict)
    assert isinstance(started, dict)
    assert error["code"] == "resume_failed"
    assert started["session"]["resumed"] is False
