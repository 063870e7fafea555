"""Twilio's end of a media stream: µ-law at the pace of a phone line, keys, marks, clear.

As Twilio does, it raises an error on a message that it does not know (its error 31951), and
returns a mark when what was sent before it has been played, or at once when that was cleared.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from interop.server_process import ServerProcess
from mediaserver.websocket.checked import CheckedSocket

FRAME_S = 0.02
FRAME_BYTES = 160
WITHIN_S = 30.0
SID = "MZ00000000000000000000000000000001"


class UnknownMessage(AssertionError):
    """The server said what Twilio does not know."""


@dataclass
class Player:
    """What waits to be played: frames, and between them the names of marks."""

    waiting: deque[bytes | str] = field(default_factory=deque)
    is_held: bool = False

    def play_frame(self) -> list[str]:
        """Plays one frame, unless the line is held; returns the marks that stood before it or
        right behind it."""
        if self.is_held:
            return []
        names = self._marks()
        if self.waiting:
            self.waiting.popleft()
        return names + self._marks()

    def clear(self) -> list[str]:
        """Plays nothing more of what waits; returns its marks."""
        names = [entry for entry in self.waiting if isinstance(entry, str)]
        self.waiting.clear()
        return names

    def _marks(self) -> list[str]:
        names = []
        while self.waiting and isinstance(self.waiting[0], str):
            names.append(str(self.waiting.popleft()))
        return names


class TwilioSimulator:
    """One call. `heard` is the audio that came back, `marks` the names that were returned,
    `clears` how often the server emptied `player`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, said: list[bytes]) -> None:
        self.socket = CheckedSocket(socket)
        self.heard: list[bytes] = []
        self.marks: list[str] = []
        self.clears = 0
        self._said = said
        self._sequence = 0
        self.player = Player()

    async def call(self) -> None:
        """Says all that there is to say and goes on listening until cancelled, or the end."""
        form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        await self.socket.say({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start = {
            "streamSid": SID,
            "accountSid": "AC1",
            "callSid": "CA1",
            "tracks": ["inbound"],
            "mediaFormat": form,
            "customParameters": {"room": "lobby", "user": "alice"},
        }
        await self._say("start", start=start)
        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(self._speak_and_play())
            while (message := await self.socket.hear(WITHIN_S)) is not None:
                await self._take(message)
            speaking.cancel()

    async def press(self, digit: str) -> None:
        """A key of the phone."""
        await self._say("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    async def clear(self) -> None:
        """What was said so far shall be heard no more. Twilio itself never says so, but those who
        speak its dialect in front of an echo may."""
        await self._say("clear")

    async def hang_up(self) -> None:
        """The end."""
        await self._say("stop", stop={"accountSid": "AC1", "callSid": "CA1"})

    async def _take(self, message: dict[str, Any] | bytes) -> None:
        if isinstance(message, bytes):
            raise UnknownMessage("Twilio knows no binary messages")
        if message["streamSid"] != SID:
            raise UnknownMessage("the stream is another one")
        match message:
            case {"event": "media", "media": {"payload": payload, **more}} if not more:
                frame = base64.b64decode(payload)
                self.heard.append(frame)
                self.player.waiting.append(frame)
            case {"event": "mark", "mark": {"name": name}}:
                self.player.waiting.append(name)
            case {"event": "clear"}:
                self.clears += 1
                await self._return(self.player.clear())
            case _:
                raise UnknownMessage(f"Twilio does not know {sorted(message)}")

    async def _speak_and_play(self) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        for number, frame in enumerate(self._said, 1):
            media = {
                "track": "inbound",
                "chunk": str(number),
                "timestamp": str(20 * number),
                "payload": base64.b64encode(frame).decode(),
            }
            await self._say("media", media=media)
            await self._return(self.player.play_frame())
            await asyncio.sleep(began_s + number * FRAME_S - loop.time())

    async def _return(self, names: list[str]) -> None:
        for name in names:
            self.marks.append(name)
            await self._say("mark", mark={"name": name})

    async def _say(self, event: str, **more: Any) -> None:
        self._sequence += 1
        with contextlib.suppress(ConnectionError):
            await self.socket.say(
                {
                    "event": event,
                    "sequenceNumber": str(self._sequence),
                    "streamSid": SID,
                    **more,
                }
            )


@contextlib.asynccontextmanager
async def twilio_call(server: ServerProcess, said: list[bytes]) -> AsyncIterator[TwilioSimulator]:
    """A call that goes on until the block ends. Raises what the simulator raised."""
    async with server.http.ws_connect(server.base_url + "/v2/ws") as socket:
        twilio = TwilioSimulator(socket, said)
        calling = asyncio.ensure_future(twilio.call())
        try:
            yield twilio
        finally:
            if not calling.done():
                calling.cancel()
            await asyncio.wait([calling])
            if not calling.cancelled():
                calling.result()
