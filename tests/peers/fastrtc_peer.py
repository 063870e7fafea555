"""FastRTC's own WebSocket handler as a phone: `fastrtc_peer.py URL SAID.wav HEARD.wav`.

It is made to be called by Twilio. Here it calls: the socket that it is given is a client's, and
the `start` that Twilio would say to it is said to both sides.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.websockets import WebSocketDisconnect, WebSocketState
from fastrtc import AsyncStreamHandler
from fastrtc.websocket import WebSocketHandler
from sound_files import RATE_HZ, read_frames, write_frames
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

START = {"event": "start", "streamSid": "MZfastrtc", "start": {"streamSid": "MZfastrtc"}}
WITHIN_S = 30.0


class CallingSocket:
    """What FastRTC asks of a server's socket, on top of a client's."""

    application_state = WebSocketState.CONNECTED

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._is_started = False

    async def accept(self) -> None:
        await self._socket.send(json.dumps(START))

    async def receive_json(self) -> Any:
        if not self._is_started:
            self._is_started = True
            return START
        try:
            return json.loads(await self._socket.recv())
        except ConnectionClosed as closed:
            raise WebSocketDisconnect(closed.rcvd.code if closed.rcvd else 1006) from closed

    async def send_json(self, message: Any) -> None:
        await self._socket.send(json.dumps(message))

    async def close(self) -> None:
        await self._socket.close()


class Phone(AsyncStreamHandler):  # type: ignore[misc]  # untyped here: it lives in another environment
    """Says the frames, once; keeps what comes back, and hangs up when it is all."""

    def __init__(self, said: list[bytes], socket: ClientConnection) -> None:
        super().__init__(output_sample_rate=RATE_HZ, input_sample_rate=RATE_HZ)
        self.phone_mode = True
        self.heard = bytearray()
        self._said = list(reversed(said))
        self._expected_bytes = sum(map(len, said))
        self._socket = socket
        self._silence = asyncio.Event()

    async def receive(self, frame: tuple[int, Any]) -> None:
        self.heard += frame[1].astype("<i2").tobytes()
        if len(self.heard) >= self._expected_bytes:
            await self._socket.send('{"event":"stop","streamSid":"MZfastrtc"}')

    async def emit(self) -> tuple[int, Any]:
        if not self._said:
            await self._silence.wait()
        return RATE_HZ, np.frombuffer(self._said.pop(), "<i2")

    def copy(self) -> AsyncStreamHandler:
        raise AssertionError("a phone makes one call")


async def talk(url: str, said: list[bytes]) -> bytes:
    """Speaks at FastRTC's own pace; returns what came back, all of it."""

    async def keep(stream_id: str, handler: object) -> None:
        return

    async with connect(url) as socket, asyncio.timeout(WITHIN_S):
        phone = Phone(said, socket)
        handler = WebSocketHandler(phone, keep, lambda _: None, lambda _: lambda _: None)
        await handler.handle_websocket(CallingSocket(socket))
        assert socket.close_code == 1000, f"closed with {socket.close_code}"
        return bytes(phone.heard)


def main() -> None:
    url, said, heard = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    write_frames(heard, asyncio.run(talk(url, read_frames(said))))


if __name__ == "__main__":
    main()
