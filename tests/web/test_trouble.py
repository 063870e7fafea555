"""What the page tells people when a call cannot be had, and what they can do."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from interop.conftest import CHROMIUM, CHROMIUM_OPTIONS
from interop.server_process import ServerProcess, running_server
from web.front_end import FrontEnd
from web.transports import BY_EITHER, PATHS, transports

pytestmark = pytest.mark.system


@pytest.fixture
async def denied_front_end(output_folder: Path) -> AsyncIterator[FrontEnd]:
    """The page in a browser whose user refuses the microphone."""
    options = [option for option in CHROMIUM_OPTIONS if "fake-ui" not in option]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", CHROMIUM),
            args=[*options, "--deny-permission-prompts"],
        )
        page = await browser.new_page(viewport={"width": 1120, "height": 900})
        yield FrontEnd(page, output_folder)
        await browser.close()


async def test_a_microphone_that_is_refused_is_explained(
    server: ServerProcess, denied_front_end: FrontEnd
) -> None:
    await denied_front_end.open(server.base_url)

    await denied_front_end.button("Start").click()

    notice = await denied_front_end.notice()
    await denied_front_end.picture("permission-denied")
    assert "The browser may not use your microphone" in notice
    assert "Allow it" in notice
    assert await server.session_count() == 0
    await denied_front_end.reach("error")


@BY_EITHER
async def test_a_full_server_is_asked_again_when_it_says_so(
    server: ServerProcess, front_end: FrontEnd, transport: str
) -> None:
    """Though browsers hide from pages why a WebSocket was refused."""
    await server.order("drain")
    await front_end.open(server.base_url + PATHS[transport])

    await front_end.button("Start").click()

    notice = await front_end.notice()
    await expect(front_end.page.get_by_text("Trying again in")).to_be_visible()
    await front_end.picture(f"server-full-{transport}")
    assert "takes no calls just now" in notice
    assert "503" in notice
    await server.order("undrain")
    await front_end.reach("connected", timeout_s=20)
    await expect(front_end.page.get_by_role("alert")).to_be_empty()


async def test_stop_ends_the_waiting_for_a_full_server(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await server.order("drain")
    await front_end.open(server.base_url)
    await front_end.button("Start").click()
    await front_end.notice()

    await front_end.button("Stop").click()

    await front_end.reach("disconnected")
    await expect(front_end.page.get_by_role("alert")).to_be_empty()


@BY_EITHER
async def test_a_token_is_asked_for_and_a_wrong_one_told_from_a_right_one(
    front_end: FrontEnd, tmp_path: Path, transport: str
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("right-token-0123456789\n")
    options = ("--auth-mode", "token", "--auth-tokens-file", str(tokens))
    async with running_server(*options) as server:
        await front_end.open(server.base_url + PATHS[transport])
        await front_end.button("Start").click()
        without = await front_end.notice()
        field = front_end.page.get_by_label("Access token")

        await field.fill("wrong-token")
        await front_end.button("Use this token").click()
        await expect(front_end.page.get_by_role("alert")).to_contain_text(
            "does not take this token"
        )
        await front_end.picture(f"wrong-token-{transport}")
        await field.fill("right-token-0123456789")
        await front_end.button("Use this token").click()
        await front_end.reach("connected")

        assert "asks for a token" in without
        assert await transports(server) == [transport]
        await front_end.button("Stop").click()

        await server.until_sessions(0)


async def test_a_server_that_is_gone_is_called_again_with_pauses(front_end: FrontEnd) -> None:
    async with running_server() as server:
        await front_end.open(server.base_url)
    await front_end.button("Start").click()

    notice = await front_end.notice()

    await front_end.picture("unreachable")
    assert "cannot be reached" in notice
    await front_end.reach("connecting")
