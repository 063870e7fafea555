"""Servers and browsers for the tests with real clients."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from interop.server_process import ServerProcess, running_server

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)


@pytest.fixture
async def server() -> AsyncIterator[ServerProcess]:
    """A server with default settings, but for its ports."""
    async with running_server() as started:
        yield started


@pytest.fixture
def output_folder() -> Path:
    """Where recordings and pictures go; not part of the repository."""
    folder = Path(__file__).parents[1] / "output"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
async def chromium(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    """Debian's Chromium; the marker `microphone(path)` names the file that it hears."""
    marker = request.node.get_closest_marker("microphone")
    options = list(CHROMIUM_OPTIONS)
    if marker is not None:
        options.append(f"--use-file-for-fake-audio-capture={marker.args[0]}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", CHROMIUM), args=options
        )
        yield browser
        await browser.close()
