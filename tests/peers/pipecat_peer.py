"""Pipecat's own Twilio serializer as a phone: `pipecat_peer.py URL SAID.wav HEARD.wav`.

Every frame that goes is made by it, and every message that comes is read by it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from pipecat.frames.frames import InputAudioRawFrame, OutputAudioRawFrame, StartFrame
from pipecat.serializers.twilio import TwilioFrameSerializer
from sound_files import FRAME_S, RATE_HZ, read_frames, write_frames
from websockets.asyncio.client import connect

START = '{"event":"start","streamSid":"MZpipecat","start":{"streamSid":"MZpipecat"}}'
STOP = '{"event":"stop","streamSid":"MZpipecat"}'
WITHIN_S = 20.0


def a_serializer() -> TwilioFrameSerializer:
    return TwilioFrameSerializer(
        "MZpipecat",
        params=TwilioFrameSerializer.InputParams(auto_hang_up=False, sample_rate=RATE_HZ),
    )


async def talk(url: str, said: list[bytes]) -> bytes:
    """Speaks at the pace of a phone line; returns what came back, all of it."""
    serializer = a_serializer()
    await serializer.setup(StartFrame(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ))
    heard = bytearray()
    loop = asyncio.get_running_loop()
    async with connect(url) as socket, asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as tasks:
        await socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        await socket.send(START)

        async def speak() -> None:
            began_s = loop.time()
            for number, pcm in enumerate(said, 1):
                frame = OutputAudioRawFrame(audio=pcm, sample_rate=RATE_HZ, num_channels=1)
                text = await serializer.serialize(frame)
                assert text is not None, "a frame of sound is a message"
                await socket.send(text)
                await asyncio.sleep(began_s + number * FRAME_S - loop.time())

        tasks.create_task(speak())
        while len(heard) < sum(map(len, said)):
            frame = await serializer.deserialize(await socket.recv())
            if isinstance(frame, InputAudioRawFrame):
                heard += frame.audio
        await socket.send(STOP)
        await socket.wait_closed()
        assert socket.close_code == 1000, f"closed with {socket.close_code}"
    return bytes(heard)


def main() -> None:
    url, said, heard = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    write_frames(heard, asyncio.run(talk(url, read_frames(said))))


if __name__ == "__main__":
    main()
