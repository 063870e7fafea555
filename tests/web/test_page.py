"""The page itself: for everybody, light to load, and quick to the first sound."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from interop.server_process import ServerProcess, running_server, until
from web.accessibility import violations
from web.conftest import MICROPHONE, PERMISSIONS
from web.front_end import FrontEnd

pytestmark = [pytest.mark.system, pytest.mark.microphone(MICROPHONE)]

MAX_PAGE_BYTES = 150_000
MAX_FIRST_SOUND_MS = 500
FETCHED = """() => [...performance.getEntriesByType("navigation"),
  ...performance.getEntriesByType("resource")].map(({ name, encodedBodySize }) =>
  [name, encodedBodySize])"""
FIRST_PAINT = """() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0"""
THEMES = ["light", "dark"]
SIZES = {"wide": (1120, 900), "phone": (390, 844)}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES)
async def test_axe_finds_nothing_at_rest_in_a_call_or_in_trouble(
    server: ServerProcess, chromium: Browser, output_folder: Path, theme: Any, size: str
) -> None:
    width, height = SIZES[size]
    context = await chromium.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        reduced_motion="reduce",
        permissions=PERMISSIONS,
    )
    front_end = FrontEnd(await context.new_page(), output_folder)
    await front_end.open(server.base_url)
    at_rest = await violations(front_end.page)

    await front_end.start()

    async def has_history() -> bool:
        return await front_end.page.locator(".picture-line[d*=L]").count() >= 4

    await until(has_history, 15, "a timeline")
    await front_end.picture(f"{theme}-{size}")
    in_call = await violations(front_end.page)
    await front_end.button("Stop").click()
    await server.order("drain")
    await front_end.button("Start").click()
    await front_end.notice()
    in_trouble = await violations(front_end.page)
    overflow = await front_end.page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    await context.close()

    assert (at_rest, in_call, in_trouble) == ([], [], [])
    assert overflow <= 0
    assert front_end.complaints == []


async def test_a_call_is_made_and_ended_by_keyboard_alone(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await front_end.open(server.base_url)
    keyboard = front_end.page.keyboard

    async def is_focused() -> bool:
        await keyboard.press("Tab")
        focused = await front_end.page.evaluate("document.activeElement.textContent")
        return bool(focused == "Start")

    await until(is_focused)
    await keyboard.press("Enter")
    await front_end.reach("connected")
    await keyboard.press("Space")

    await front_end.reach("disconnected")


async def test_the_chosen_colours_are_kept(server: ServerProcess, front_end: FrontEnd) -> None:
    await front_end.open(server.base_url)
    root = front_end.page.locator("html")

    await front_end.page.get_by_role("button", name="Colours: Auto").click()
    await expect(root).to_have_attribute("data-theme", "light")
    await front_end.page.reload()

    await expect(root).to_have_attribute("data-theme", "light")


async def test_the_page_is_light_and_comes_from_its_own_host_alone(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    asked: list[str] = []
    front_end.page.on("request", lambda request: asked.append(request.url))
    await front_end.open(server.base_url)
    await front_end.start()

    sizes: list[tuple[str, int]] = await front_end.page.evaluate(FETCHED)
    paint_ms: float = await front_end.page.evaluate(FIRST_PAINT)
    weight = sum(size for name, size in sizes if "/whip" not in name)
    print(f"\nthe page weighs {weight} bytes compressed; first paint after {paint_ms:.0f} ms")
    assert all(url.startswith(server.base_url) for url in asked)
    assert 0 < weight < MAX_PAGE_BYTES
    assert 0 < paint_ms < 1500


SPEAKS_TO = """async (base) => {
  const byHttp = fetch(`${base}/health`).then(({ ok }) => ok, () => false);
  const socket = new WebSocket(`${base.replace("http", "ws")}/v2/ws`, ["vm.v2.json"]);
  const bySocket = new Promise((done) => {
    socket.onopen = () => done(true);
    socket.onerror = () => done(false);
  });
  return [await byHttp, await bySocket];
}"""


async def test_the_page_speaks_to_the_further_servers_that_are_named_and_to_no_other(
    server: ServerProcess, chromium: Browser
) -> None:
    async with running_server("--page-connect-sources", server.base_url) as naming:
        page = await chromium.new_page()
        await page.goto(naming.base_url)
        named = await page.evaluate(SPEAKS_TO, server.base_url)
        own = await page.evaluate(SPEAKS_TO, naming.base_url)
        await page.goto(server.base_url)
        not_named = await page.evaluate(SPEAKS_TO, naming.base_url)
        await page.close()

    assert (named, own, not_named) == ([True, True], [True, True], [False, False])


async def test_the_first_echo_is_heard_soon_after_the_click(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    heard_ms: list[int] = []
    for _ in range(5):
        await front_end.open(server.base_url)
        await front_end.start()

        async def first_sound() -> int:
            told = "\n".join(await front_end.log_lines())
            found = re.search(r"First sound back (\d+) ms after Start", told)
            return int(found[1]) if found else 0

        heard_ms.append(await until(first_sound, what="the first sound"))
        await front_end.button("Stop").click()

    print(f"\nfirst echoed sound after the click: {heard_ms} ms")
    assert sorted(heard_ms)[2] < MAX_FIRST_SOUND_MS


async def test_assets_are_kept_for_good_and_the_page_is_asked_for_anew(
    server: ServerProcess,
) -> None:
    async with server.http.get(server.base_url) as page:
        text = await page.text()
        policy = page.headers["Content-Security-Policy"]
        assert page.headers["Cache-Control"] == "no-cache"
    assets = re.findall(r'(?:src|href)="\./(assets/[^"]+)"', text)

    assert len(assets) >= 3
    for asset in assets:
        async with server.http.get(f"{server.base_url}/{asset}") as response:
            assert response.status == 200
            assert "immutable" in response.headers["Cache-Control"]
    assert "unsafe" not in policy
    assert "http:" not in policy
