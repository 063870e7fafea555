"""Phone calls over WebSocket, as Twilio makes them, to the real server."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from interop.server_process import ServerProcess, until
from interop.test_aiortc_client import until_heard
from interop.tone_client import tone_call
from mediaserver.websocket.checked import CheckedSocket

pytestmark = pytest.mark.system

FRAME_S = 0.02
WITHIN_S = 30.0
FRAME = bytes(range(160))


class Phone:
    """Sends µ-law at the pace of a phone line, and keeps what comes back."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self._checked = CheckedSocket(socket)
        self.sent = 0
        self.heard: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    async def call(self) -> None:
        """Until it is cancelled or the server hangs up."""
        await self._say(event="connected", protocol="Call", version="1.0.0")
        await self._say(event="start", sequenceNumber="1", streamSid="MZ1", start={})
        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(self._speak())
            try:
                while (said := await self._checked.hear(WITHIN_S)) is not None:
                    assert isinstance(said, dict), "no dialect of this phone is binary"
                    (self.heard if said["event"] == "media" else self.events).append(said)
            finally:
                speaking.cancel()

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while not self.socket.closed:
            self.sent += 1
            chunk, timestamp = str(self.sent), str(20 * (self.sent - 1))
            payload = base64.b64encode(FRAME).decode()
            media = {"track": "inbound", "chunk": chunk, "timestamp": timestamp, "payload": payload}
            await self._say(event="media", sequenceNumber=chunk, streamSid="MZ1", media=media)
            await asyncio.sleep(began_s + self.sent * FRAME_S - loop.time())

    async def _say(self, **message: object) -> None:
        with contextlib.suppress(ConnectionError):
            await self._checked.say(message)


@contextlib.asynccontextmanager
async def phone_call(server: ServerProcess, *protocols: str) -> AsyncIterator[Phone]:
    """A call that goes on until the block ends."""
    url = server.base_url + "/v2/ws"
    async with server.http.ws_connect(url, protocols=protocols) as socket:
        phone = Phone(socket)
        calling = asyncio.ensure_future(phone.call())
        try:
            yield phone
        finally:
            calling.cancel()
            await asyncio.wait([calling])
            if not calling.cancelled():
                calling.result()  # what did not fit its schema


async def until_echoed(phone: Phone, frames: int = 100) -> None:
    async def is_echoed() -> bool:
        return len(phone.heard) >= frames

    await until(is_echoed, 20, f"{frames} frames of echo")


async def test_ten_phones_and_a_browsers_call_share_a_server(server: ServerProcess) -> None:
    async with contextlib.AsyncExitStack() as calls:
        phones = [await calls.enter_async_context(phone_call(server)) for _ in range(10)]
        tone = await calls.enter_async_context(tone_call(server.whip_url))
        await asyncio.gather(until_heard(tone), *(until_echoed(phone) for phone in phones))
        stats = await server.stats()

    assert stats["sessions"]["by_transport"] == {"websocket": 10, "webrtc": 1}
    assert {s["received"]["lost"] for s in stats["per_session"]} == {0}
    assert stats["drops"].get("websocket-backlog", 0) == 0
    for phone in phones:
        assert phone.events == []
        assert {base64.b64decode(said["media"]["payload"]) for said in phone.heard} == {FRAME}


async def test_jitter_is_measured_as_it_is_for_webrtc(server: ServerProcess) -> None:
    async with phone_call(server) as phone:
        await until_echoed(phone)
        (session,) = (await server.stats())["per_session"]

    assert session["codec"] == "pcmu"
    assert 0 < session["received"]["jitter_s"] < FRAME_S


async def test_an_extended_phone_is_asked_to_move_before_the_server_leaves(
    server: ServerProcess,
) -> None:
    async with phone_call(server, "vm.v2.json") as phone:
        await until_echoed(phone, 20)
        leaving = asyncio.ensure_future(server.stop())

        async def is_asked() -> bool:
            return any(said["event"] == "reconnect" for said in phone.events)

        await until(is_asked)
        assert await leaving == 0
        assert phone.socket.close_code == 1012


async def test_a_phone_that_hangs_up_without_a_word_is_freed(server: ServerProcess) -> None:
    async with phone_call(server) as phone:
        await until_echoed(phone, 10)

    async def is_logged() -> bool:
        ended = [line["reason"] for line in server.lines if line["event"] == "session closed"]
        return ended == ["closed-by-peer"]

    await server.until_sessions(0)
    await until(is_logged, 5, "the line about its end")
