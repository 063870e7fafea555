"""A call over WebSocket from a real browser: what it hears is what it said, sample by sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Browser

from interop.server_process import running_server
from interop.sound import speech_like, write_wav
from interop.websocket_page import make_websocket_call

pytestmark = pytest.mark.system

MICROPHONE = Path("/tmp/voicemedia-microphone-websocket.wav")
MAX_PLAYOUT_S = 1.0


@pytest.fixture(autouse=True, scope="module")
def _microphone_file() -> None:
    write_wav(MICROPHONE, speech_like(30.0))


@pytest.mark.microphone(MICROPHONE)
async def test_the_echo_over_websocket_in_chromium_is_the_same_sound_and_its_playing_is_measured(
    chromium: Browser, output_folder: Path
) -> None:
    async with running_server("--websocket-mark-s", "0.5") as server:
        call = await make_websocket_call(chromium, server.base_url, seconds=6)
        ended = [line["reason"] for line in server.lines if line["event"] == "session closed"]

    write_wav(output_folder / "websocket-said.wav", call["said"] / 32768)
    write_wav(output_folder / "websocket-heard.wav", call["heard"] / 32768)
    print({k: v for k, v in call.items() if k not in ("said", "heard")})
    reported = call["session"]["reported"]
    assert np.array_equal(call["said"], call["heard"]), "each sample came back"
    assert np.abs(call["said"]).max() > 3000, "and it was speech"
    assert 0.02 < reported["playout_s"] < MAX_PLAYOUT_S
    assert reported["buffered_s"] is not None
    assert reported["underruns"] is not None
    assert call["session"]["received"]["lost"] == 0
    assert call["started"]["session"]["mediaFormat"]["encoding"] == "audio/x-l16"
    assert call["messages"] > 500
    assert (call["code"], ended) == (1000, ["deleted"])
