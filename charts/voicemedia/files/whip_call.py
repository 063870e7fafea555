"""One real call for `helm test`: a tone goes out by WHIP (RFC 9725), and must come back.

It needs what the media image has (aiortc, aiohttp) and nothing of the server's own code, so that
it judges a server as a foreign client does.
"""

from __future__ import annotations

import argparse
import array
import asyncio
import fractions
import math
import sys
import time
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

RATE_HZ = 48_000
FRAME_SAMPLES = 960
TONE_HZ = 440.0
LOUDNESS = 8000.0
FRAMES_JUDGED = 25
"""Half a second: the tone is looked for in so many frames at a time."""
LEAST_SHARE = 0.5
"""Of what is heard, in power, that must be the tone."""
RETRY_S = 1.0
REQUEST_S = 10.0
PASSING = frozenset({404, 502, 503, 504})
"""Statuses of a fleet that is on its way: nobody is behind its name yet, or nobody is ready."""


class CallFailed(Exception):
    """There was no echo; the message says how far the call came."""


class Tone(MediaStreamTrack):
    """A sine, in frames of 20 ms, at the pace of the clock."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._sent_samples = 0
        self._started_s: float | None = None

    async def recv(self) -> AudioFrame:
        """The next frame, when it is due; the first one at once, when the call is connected."""
        if self._started_s is None:
            self._started_s = time.monotonic()
        due_s = self._started_s + self._sent_samples / RATE_HZ
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        turn = 2 * math.pi * TONE_HZ / RATE_HZ
        positions = range(self._sent_samples, self._sent_samples + FRAME_SAMPLES)
        samples = array.array("h", (int(LOUDNESS * math.sin(turn * each)) for each in positions))
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME_SAMPLES)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate = RATE_HZ
        frame.pts = self._sent_samples
        frame.time_base = fractions.Fraction(1, RATE_HZ)
        self._sent_samples += FRAME_SAMPLES
        return frame


def share_of_tone(samples: list[int], rate_hz: int) -> float:
    """How much of the power is at the tone's frequency, 0 to 1 (Goertzel's filter)."""
    power = sum(each * each for each in samples)
    if not power:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * TONE_HZ / rate_hz)
    last, before = 0.0, 0.0
    for each in samples:
        last, before = each + coefficient * last - before, last
    at_tone = last * last + before * before - coefficient * last * before
    return min(1.0, 2 * at_tone / (len(samples) * power))


async def heard(track: MediaStreamTrack) -> float:
    """Listens until the tone is there; its share. Ends with `CallFailed` if the track does."""
    samples: list[int] = []
    try:
        while True:
            frame = await track.recv()
            assert isinstance(frame, AudioFrame)
            channels = len(frame.layout.channels)
            mixed = array.array("h", bytes(frame.planes[0]))
            samples += mixed[: frame.samples * channels : channels]
            if len(samples) >= FRAMES_JUDGED * frame.samples:
                share = share_of_tone(samples, frame.sample_rate)
                if share >= LEAST_SHARE:
                    return share
                samples = []
    except MediaStreamError as ended:
        raise CallFailed("the call ended before the tone was heard") from ended


async def opened(http: aiohttp.ClientSession, url: str, offer: str) -> tuple[str, str]:
    """Answer and URL of a session. A fleet that is not ready is asked again. Raises `CallFailed`
    for what will not pass."""
    while True:
        try:
            async with http.post(
                url, data=offer, headers={"Content-Type": "application/sdp"}
            ) as response:
                text = await response.text()
                if response.status == 201:
                    return text, urljoin(str(response.url), response.headers["Location"])
                print(f"{url}: {response.status}", flush=True)
                if response.status not in PASSING:
                    raise CallFailed(f"the offer was answered with {response.status}: {text}")
        except (aiohttp.ClientError, TimeoutError) as failure:
            print(f"{url}: {type(failure).__name__}", flush=True)
        await asyncio.sleep(RETRY_S)


async def call(url: str, token: str | None) -> str:
    """One call until its echo was heard, and what is to be told of it. Raises `CallFailed`."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    limits = aiohttp.ClientTimeout(total=REQUEST_S)
    peer = RTCPeerConnection()
    tracks: asyncio.Queue[MediaStreamTrack] = asyncio.Queue(maxsize=8)
    peer.on("track", tracks.put_nowait)
    async with aiohttp.ClientSession(headers=headers, timeout=limits) as http:
        try:
            peer.addTransceiver(Tone(), direction="sendrecv")
            await peer.setLocalDescription(await peer.createOffer())
            answer, session = await opened(http, url, peer.localDescription.sdp)
            began_s = time.monotonic()
            try:
                await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
                share = await heard(await tracks.get())
                heard_s = time.monotonic() - began_s
            finally:
                async with http.delete(session) as ended:
                    status = ended.status
        finally:
            await peer.close()
    if status != 200:
        raise CallFailed(f"the echo was heard, but DELETE was answered with {status}")
    return f"echo heard after {heard_s:.1f} s, {share:.0%} of it the tone of {TONE_HZ:.0f} Hz"


async def main() -> int:
    """The exit code: 0 for an echo, 1 with a sentence for none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="the WHIP endpoint")
    parser.add_argument("--token-file", type=Path, help="a file with one token a line")
    parser.add_argument("--timeout-s", type=float, default=120.0, help="for all of it")
    options = parser.parse_args()
    token = options.token_file.read_text().split()[0] if options.token_file else None
    try:
        async with asyncio.timeout(options.timeout_s):
            print(await call(options.url, token))
    except TimeoutError:
        print(f"no echo within {options.timeout_s:g} s", file=sys.stderr)
        return 1
    except CallFailed as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
