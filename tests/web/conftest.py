"""The browser and the server of the tests with real clients, and the page that they serve."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from interop.conftest import chromium, output_folder, server
from interop.sound import speech_like, write_wav
from web.front_end import FrontEnd

__all__ = ["chromium", "output_folder", "server"]

PERMISSIONS = ["microphone", "clipboard-read", "clipboard-write"]
MICROPHONE = Path("/tmp/voicemedia-web-microphone.wav")


@pytest.fixture(scope="session", autouse=True)
def _microphone_file() -> None:
    write_wav(MICROPHONE, speech_like(20.0))


@pytest.fixture
async def front_end(chromium: Browser, output_folder: Path) -> AsyncIterator[FrontEnd]:
    """The page in a browser; when the test ends its console must be empty, and its WebSockets must
    have carried only what is published."""
    context = await chromium.new_context(
        viewport={"width": 1120, "height": 900}, permissions=PERMISSIONS
    )
    page = await context.new_page()
    opened = FrontEnd(page, output_folder)
    yield opened
    await context.close()
    assert opened.complaints == []
    assert opened.minutes.faults == []
