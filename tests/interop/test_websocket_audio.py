"""Every form of audio, in every dialect, comes back from the real server as it was said."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from interop.server_process import ServerProcess
from mediaserver.websocket.checked import CheckedSocket
from voicemedia_server.rtp.header import build_packet, parse_header
from voicemedia_server.websocket.formats import FORMATS, MULAW, OPUS, AudioFormat
from voicemedia_server.websocket.protocol import Dialect

pytestmark = pytest.mark.system

WITHIN_S = 15.0
FRAME_MS = 20
AT_ONCE = 5
"""Frames that are under way: 100 ms, half of what may wait."""
OPUS_20_MS = bytes([31 << 3])  # one frame of 20 ms (RFC 6716 section 3.1)
SSRC = 0x0C0FFEE0


def frames_of(form: AudioFormat, count: int) -> list[bytes]:
    """Noise: whoever decodes it and encodes it again makes something else of it."""
    dice = random.Random(form.name + str(form.clock_hz))
    if form is OPUS:
        return [OPUS_20_MS + dice.randbytes(dice.randint(3, 400)) for _ in range(count)]
    size = form.clock_hz * FRAME_MS // 1000 * form.sample_bytes
    return [dice.randbytes(size) for _ in range(count)]


class Caller:
    """Says frames by number, and hears payloads with the numbers under which they were said."""

    def __init__(self, socket: CheckedSocket, dialect: Dialect, form: AudioFormat) -> None:
        self._socket = socket
        self._dialect = dialect
        self._form = form

    async def say(self, frame: bytes, number: int) -> None:
        if self._dialect is Dialect.RTP:
            units = FRAME_MS * self._form.clock_hz // 1000
            packet = build_packet(
                frame,
                payload_type=self._form.codec.payload_type,
                sequence=number & 0xFFFF,
                timestamp=number * units & 0xFFFFFFFF,
                ssrc=SSRC,
            )
            await self._socket.socket.send_bytes(packet)
            return
        media = {
            "chunk": str(number),
            "timestamp": str(FRAME_MS * number),
            "payload": base64.b64encode(frame).decode(),
        }
        await self._socket.say({"event": "media", "streamSid": "MZ1", "media": media})

    async def hear(self) -> bytes:
        """The next frame's payload."""
        while True:
            heard = await self._socket.hear(WITHIN_S)
            assert heard is not None, f"closed with {self._socket.socket.close_code}"
            if isinstance(heard, bytes):
                header = parse_header(heard)
                return heard[header.length :]
            if heard["event"] == "media":
                return base64.b64decode(heard["media"]["payload"], validate=True)


@asynccontextmanager
async def calling(
    server: ServerProcess, dialect: Dialect, form: AudioFormat
) -> AsyncIterator[Caller]:
    """A call in this dialect and form."""
    protocols = () if dialect is Dialect.TWILIO else (dialect.value,)
    url = server.base_url + "/v2/ws"
    async with server.http.ws_connect(url, protocols=protocols) as socket:
        checked = CheckedSocket(socket)
        wanted: dict[str, Any] = {"encoding": form.name, "sampleRate": form.clock_hz}
        await checked.say({"event": "start", "streamSid": "MZ1", "start": {"mediaFormat": wanted}})
        yield Caller(checked, dialect, form)
        await checked.say({"event": "stop", "streamSid": "MZ1"})


async def echo_of(caller: Caller, said: list[bytes]) -> list[bytes]:
    """What comes back, with never more under way than may wait."""
    heard: list[bytes] = []
    for first in range(0, len(said), AT_ONCE):
        some = said[first : first + AT_ONCE]
        for number, frame in enumerate(some, first + 1):
            await caller.say(frame, number)
        heard += [await caller.hear() for _ in some]
    return heard


@pytest.mark.parametrize("dialect", Dialect)
async def test_each_byte_of_each_frame_of_every_form_comes_back_in_its_order(
    server: ServerProcess, dialect: Dialect
) -> None:
    for form in FORMATS:
        said = frames_of(form, 50)

        async with calling(server, dialect, form) as caller:
            heard = await echo_of(caller, said)
            (session,) = (await server.stats())["per_session"]
        await server.until_sessions(0)

        assert heard == said, form
        assert session["codec"] == form.codec.name
        assert session["received"]["packets"] == session["sent"]["packets"] == len(said)
        assert session["received"]["lost"] == 0


async def test_frames_go_back_when_they_came_and_wait_for_no_pace(server: ServerProcess) -> None:
    said = frames_of(MULAW, 500)
    loop = asyncio.get_running_loop()

    async with calling(server, Dialect.TWILIO, MULAW) as caller:
        began_s = loop.time()
        heard = await echo_of(caller, said)
        took_s = loop.time() - began_s

    print(f"\n{len(said) * FRAME_MS / 1000:.0f} s of audio came back in {took_s:.2f} s")
    assert heard == said
    assert took_s < len(said) * FRAME_MS / 1000 / 2


@pytest.mark.parametrize("dialect", Dialect)
async def test_frames_out_of_their_order_are_echoed_as_they_come_and_counted(
    server: ServerProcess, dialect: Dialect
) -> None:
    numbers = [1, 2, 5, 3, 4, 6]
    said = dict(zip(range(1, 7), frames_of(MULAW, 6), strict=True))

    async with calling(server, dialect, MULAW) as caller:
        heard = []
        for number in numbers:
            await caller.say(said[number], number)
            heard.append(await caller.hear())
        (session,) = (await server.stats())["per_session"]

    assert heard == [said[number] for number in numbers]
    assert session["received"]["lost"] == 0
    assert session["received"]["out_of_order"] == 2
