"""A call from a real browser: what it hears is what was said, soon after."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from interop.browser_page import make_call
from interop.server_process import ServerProcess
from interop.sound import compare, speech_like, write_wav

pytestmark = pytest.mark.system

MICROPHONE = Path("/tmp/voicemedia-microphone.wav")
MAX_DELAY_S = 0.1
MAX_JITTER_S = 0.01


@pytest.fixture(autouse=True, scope="module")
def _microphone_file() -> None:
    write_wav(MICROPHONE, speech_like(30.0))


@pytest.mark.microphone(MICROPHONE)
async def test_the_echo_in_chromium_is_the_same_sound_soon_after(
    server: ServerProcess, chromium: Browser, output_folder: Path
) -> None:
    call = await make_call(chromium, server.whip_url, seconds=6)

    write_wav(output_folder / "chromium-said.wav", call["said"])
    write_wav(output_folder / "chromium-echoed.wav", call["echoed"])
    found = compare(call["said"], call["echoed"])
    print({k: v for k, v in call.items() if k not in ("said", "echoed")}, found)
    assert 0.01 < found.delay_s < MAX_DELAY_S
    assert found.envelope_correlation > 0.95
    assert found.spectrum_error_db < 2
    assert found.gap_s == 0
    assert call["jitterS"] < MAX_JITTER_S
    assert call["lost"] == 0
    assert call["concealed"] == 0


@pytest.mark.microphone(MICROPHONE)
async def test_a_page_of_another_origin_can_read_what_whip_tells_it(
    server: ServerProcess, chromium: Browser
) -> None:
    call = await make_call(chromium, server.whip_url, seconds=1)

    assert call["headers"]["location"].startswith("/whip/sessions/")
    assert call["headers"]["etag"].startswith('"')
    assert "session-events" in call["headers"]["link"]
    assert call["headers"]["accept-patch"] == "application/trickle-ice-sdpfrag"
    assert call["deleted"] == 200
