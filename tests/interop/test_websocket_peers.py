"""FastRTC's handler and Pipecat's serializer, as they are published, talk to the real server."""

from __future__ import annotations

import asyncio
import os
import wave
from pathlib import Path

import numpy as np
import pytest

from interop.checked_door import checked_door
from interop.server_process import ServerProcess, running_server
from interop.sound import RATE_HZ, Samples, compare, speech_like

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv" / "peers" / "bin" / "python"
PEERS = ROOT / "tests" / "peers"
LINE_HZ = 8000
SECONDS = 4.0


def write_said(path: Path) -> None:
    """Speech as a phone hears it."""
    samples = speech_like(SECONDS)
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / RATE_HZ) > 3400] = 0
    narrow = np.fft.irfft(spectrum, len(samples))[:: RATE_HZ // LINE_HZ]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(LINE_HZ)
        file.writeframes((np.clip(narrow, -1, 1) * 32767).astype("<i2").tobytes())


def read(path: Path) -> Samples:
    """The sound of a phone line, at the rate of `compare`."""
    with wave.open(str(path), "rb") as file:
        narrow = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    times = np.arange(len(narrow) * RATE_HZ // LINE_HZ) * LINE_HZ / RATE_HZ
    return np.asarray(np.interp(times, np.arange(len(narrow)), narrow) / 32768)


async def run_peer(name: str, url: str, said: Path, heard: Path) -> None:
    assert PYTHON.exists(), "make peers"
    process = await asyncio.create_subprocess_exec(
        *(str(PYTHON), str(PEERS / f"{name}_peer.py"), url, str(said), str(heard)),
        env={**os.environ, "PYTHONPATH": str(PEERS)},  # which PYTHONSAFEPATH keeps off the path
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-4000:]


@pytest.mark.parametrize("peer", ["pipecat", "fastrtc"])
async def test_what_a_foreign_peer_hears_is_what_it_said(peer: str, tmp_path: Path) -> None:
    said, heard = tmp_path / "said.wav", tmp_path / "heard.wav"
    write_said(said)

    async with running_server("--websocket-mark-s", "1") as server:
        async with checked_door(server) as (door, url):
            await run_peer(peer, url, said, heard)
        (ended,) = ends_of(server)

    found = compare(read(said), read(heard))
    print(peer, found)
    assert door.minutes.faults == []
    assert {"start", "media", "stop"} <= set(door.minutes.events["client"])
    assert set(door.minutes.events["server"]) == {"media", "mark"}
    assert ended == "deleted"
    assert len(read(heard)) == len(read(said))
    assert found.delay_s == 0, "all of it came back, in order"
    assert found.envelope_correlation > 0.99
    assert found.spectrum_error_db < 1
    assert found.gap_s == 0


def ends_of(server: ServerProcess) -> list[str]:
    return [line["reason"] for line in server.lines if line["event"] == "session closed"]
