"""aiortc as a WHIP client that sings one tone and listens to what comes back."""

from __future__ import annotations

import asyncio
import fractions
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import aiohttp
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

RATE_HZ = 48_000
FRAME_SAMPLES = 960


class Tone(MediaStreamTrack):
    """A sine, in frames of 20 ms, at the pace of the clock."""

    kind = "audio"

    def __init__(self, frequency_hz: float) -> None:
        super().__init__()
        self._frequency_hz = frequency_hz
        self._sent_samples = 0
        self._started_s = time.monotonic()

    async def recv(self) -> AudioFrame:
        """The next frame, when it is due."""
        due_s = self._started_s + self._sent_samples / RATE_HZ
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        positions = np.arange(FRAME_SAMPLES) + self._sent_samples
        samples = 8000 * np.sin(2 * np.pi * self._frequency_hz * positions / RATE_HZ)
        frame = AudioFrame.from_ndarray(samples.astype(np.int16)[None], layout="mono")
        frame.sample_rate = RATE_HZ
        frame.pts = self._sent_samples
        frame.time_base = fractions.Fraction(1, RATE_HZ)
        self._sent_samples += FRAME_SAMPLES
        return frame


class ToneClient:
    """One call. `frames` is what was heard; `answer` and `session_url` are set once it is open."""

    def __init__(self, http: aiohttp.ClientSession, frequency_hz: float) -> None:
        self._http = http
        self._listening: asyncio.Task[None] | None = None
        self.peer = RTCPeerConnection()
        self.tone = Tone(frequency_hz)
        self.frames: list[AudioFrame] = []
        self.answer = ""
        self.session_url = ""
        self.events_url = ""
        self.status = 0

        @self.peer.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            self._listening = asyncio.ensure_future(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                self.frames.append(frame)
        except MediaStreamError:
            return

    async def open(
        self, whip_url: str, direction: str = "sendrecv", codecs: Sequence[str] = ()
    ) -> None:
        """Offers, posts, and takes the answer if there is one."""
        transceiver = self.peer.addTransceiver(self.tone, direction=direction)
        if codecs:
            known = RTCRtpSender.getCapabilities("audio").codecs
            transceiver.setCodecPreferences([c for c in known if c.mimeType in codecs])
        await self.peer.setLocalDescription(await self.peer.createOffer())
        headers = {"Content-Type": "application/sdp"}
        offer = self.peer.localDescription.sdp
        async with self._http.post(whip_url, data=offer, headers=headers) as response:
            self.status = response.status
            if response.status != 201:
                return
            self.answer = await response.text()
            self.session_url = str(
                response.url.join(response.url.with_path(response.headers["Location"]))
            )
            self.events_url = response.headers["Link"].partition("<")[2].partition(">")[0]
        await self.peer.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))

    @property
    def state(self) -> str:
        """Of the connection, as W3C names it."""
        return str(self.peer.connectionState)

    def heard_hz(self, last_frames: int = 50) -> float:
        """The strongest frequency of the last frames."""
        samples = np.concatenate([_mono(frame) for frame in self.frames[-last_frames:]])
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        return float(np.argmax(spectrum) * self.frames[-1].sample_rate / len(samples))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.peer.close()
        if self._listening is not None:
            await asyncio.wait([self._listening], timeout=5)


def _mono(frame: AudioFrame) -> np.ndarray:
    samples = frame.to_ndarray()
    channels = len(frame.layout.channels)
    return np.asarray(samples.reshape(-1, channels)[:, 0], dtype=np.float64)


@asynccontextmanager
async def tone_call(
    whip_url: str, frequency_hz: float = 440.0, **options: object
) -> AsyncIterator[ToneClient]:
    """An open call."""
    async with aiohttp.ClientSession() as http, ToneClient(http, frequency_hz) as client:
        await client.open(whip_url, **options)  # type: ignore[arg-type]  # passed through
        yield client
