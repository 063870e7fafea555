"""The front end in a real browser: a call from Start to Stop."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from interop.server_process import ServerProcess, until

pytestmark = pytest.mark.system


async def test_start_makes_a_call_and_stop_ends_it(
    server: ServerProcess, chromium: Browser
) -> None:
    page = await chromium.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(server.base_url)

    await page.get_by_role("button", name="Start").click()
    await expect(page.locator("[data-status=connected]")).to_be_visible()

    async def echoes() -> bool:
        sessions = (await server.stats())["per_session"]
        return bool(sessions) and sessions[0]["sent"]["packets"] > 50

    await until(echoes)
    await page.get_by_role("button", name="Stop").click()

    async def is_free() -> bool:
        return await server.session_count() == 0

    await until(is_free)
    ended = [line["reason"] for line in server.lines if line["event"] == "session closed"]
    assert ended == ["deleted"]
    assert complaints == []
