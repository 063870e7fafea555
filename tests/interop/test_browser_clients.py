"""Clients in a browser that nobody here wrote, and our plain page."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from interop.browser_page import serve_pages
from interop.server_process import ServerProcess, until

pytestmark = pytest.mark.system

SOURCE = Path(__file__).parent / "browser"
PUBLISH = """async (endpoint) => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  window.client = new WHIPClient({ endpoint, opts: { iceServers: [] } });
  await window.client.ingest(stream);
}"""


@pytest.fixture(scope="module")
def eyevinn_script() -> str:
    """Eyevinn's client, bundled from the locked npm package."""
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=SOURCE, check=True)
    bundle = ["npx", "--no-install", "esbuild", "eyevinn.js", "--bundle", "--format=iife"]
    built = subprocess.run(bundle, cwd=SOURCE, check=True, capture_output=True, text=True)
    return built.stdout


async def test_eyevinns_client_publishes_and_its_video_is_taken_and_dropped(
    server: ServerProcess, chromium: Browser, eyevinn_script: str
) -> None:
    extra = {"/eyevinn.js": ("text/javascript", eyevinn_script)}
    async with serve_pages(extra) as url:
        page = await chromium.new_page()
        await page.goto(url)
        await page.add_script_tag(url=f"{url}/eyevinn.js")
        await page.evaluate(PUBLISH, server.whip_url)

        async def both_flow() -> dict[str, Any] | None:
            stats = await server.stats()
            sessions = stats["per_session"]
            if not sessions or sessions[0]["received"]["packets"] < 50:
                return None
            return sessions[0] if sessions[0]["drops"].get("rtp-video", 0) > 50 else None

        session = await until(both_flow, 15, "audio taken and video dropped")
        await page.evaluate("client.destroy()")

        await server.until_sessions(0)
    assert not session["echoed"]
    assert session["received"]["lost"] == 0


async def test_the_plain_page_makes_a_call_shows_its_figures_and_hangs_up(
    server: ServerProcess, chromium: Browser, output_folder: Path
) -> None:
    page = await chromium.new_page(viewport={"width": 900, "height": 680})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{server.base_url}/plain")

    await page.get_by_role("button", name="Start").click()
    await page.wait_for_selector('[data-state="connected"]')

    async def shows_an_echo() -> bool:
        packets = await page.inner_text("#packets")
        level = float(await page.evaluate("document.getElementById('level-out').value"))
        return packets.isdecimal() and int(packets) > 100 and level > 0.3

    await until(shows_an_echo, 20, "more than 100 packets, and loud ones, come back")
    await page.screenshot(path=output_folder / "page.png")
    codec = await page.text_content("#codec")
    lost = await page.text_content("#lost")
    await page.get_by_role("button", name="Stop").click()

    await server.until_sessions(0)
    assert (codec, lost) == ("opus", "0.0 %")
    assert complaints == []
    ended = [line["reason"] for line in server.lines if line["event"] == "session closed"]
    assert ended == ["deleted"]


async def test_the_plain_page_says_what_to_do_when_the_server_is_full(
    chromium: Browser, server: ServerProcess
) -> None:
    await server.order("drain")
    page = await chromium.new_page()
    await page.goto(f"{server.base_url}/plain")

    await page.get_by_role("button", name="Start").click()

    await page.wait_for_selector('[data-state="error"]')
    error = await page.text_content("#error")
    assert error is not None
    assert "503" in error
    assert "Try again in" in error
