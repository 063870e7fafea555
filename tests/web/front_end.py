"""Drives the page as people do: by what its buttons and figures are called."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Locator, Page, expect

from interop.checked_page import listen_to
from interop.sound import RATE_HZ, Samples

# A browser tells of each request that failed: with servers that refuse or leave, that is due.
# The tap of the tests is an old node on purpose: it needs no file that the page's policy allows.
DUE = re.compile(
    r"Failed to load resource|net::ERR_|EventSource's response|ScriptProcessorNode"
    r"|WebSocket connection to '[^']+' failed"
)
RECORD_LEVELS = """async (seconds) => {
  const meters = ["You level", "Echo level"].map(
    (label) => document.querySelector(`[role=meter][aria-label="${label}"]`));
  const rows = [];
  const endMs = performance.now() + 1000 * seconds;
  while (performance.now() < endMs) {
    await new Promise(requestAnimationFrame);
    rows.push([performance.now() / 1000,
      ...meters.map((meter) => Number(meter.getAttribute("aria-valuenow")))]);
  }
  return rows;
}"""

# Records what goes to the loudspeaker, whichever node plays it.
TAP_LOUDSPEAKER = """(() => {
  const connect = AudioNode.prototype.connect;
  const state = (window.loudspeaker = { blocks: null, rate: 0 });
  let tap = null;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      if (tap === null) {
        tap = this.context.createScriptProcessor(4096, 1, 1);
        tap.onaudioprocess = ({ inputBuffer }) =>
          state.blocks?.push(inputBuffer.getChannelData(0).slice());
        state.rate = this.context.sampleRate;
        connect.call(tap, target);
      }
      connect.call(this, tap);
    }
    return connect.call(this, target, ...rest);
  };
})();"""
BEGIN_RECORDING = "() => { loudspeaker.blocks = []; }"
END_RECORDING = """() => {
  const { blocks, rate } = loudspeaker;
  loudspeaker.blocks = null;
  const bytes = new Uint8Array(new Float32Array(blocks.flatMap((b) => [...b])).buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768)
    text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return [rate, btoa(text)];
}"""


class FrontEnd:
    """The page. `complaints` is what its console said; `minutes` hold what it says
    and hears over WebSocket v2 to the published schemas."""

    def __init__(self, page: Page, output_folder: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.minutes = listen_to(page)
        self._output_folder = output_folder
        page.on("console", lambda message: self._complain(message.text))
        page.on("pageerror", lambda error: self._complain(str(error)))

    def _complain(self, text: str) -> None:
        if not DUE.search(text):
            self.complaints.append(text)

    async def tap_loudspeaker(self) -> None:
        """Lets `recording` hear what is played; to be asked for before the page is opened."""
        await self.page.add_init_script(TAP_LOUDSPEAKER)

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[list[Samples]]:
        """Records what is played meanwhile; it is in the list at the end."""
        recorded: list[Samples] = []
        await self.page.evaluate(BEGIN_RECORDING)
        yield recorded
        rate_hz, text = await self.page.evaluate(END_RECORDING)
        samples = np.frombuffer(base64.b64decode(text), "<f4").astype(np.float64)
        at_s = np.arange(int(len(samples) / rate_hz * RATE_HZ)) / RATE_HZ
        recorded.append(np.interp(at_s, np.arange(len(samples)) / rate_hz, samples))

    async def open(self, url: str) -> None:
        """Goes to the page. Raises `AssertionError` where a plain page is served instead."""
        await self.page.goto(url)
        built = self.page.locator("#page")
        assert await built.count() == 1, "the page is not built: make web"
        await expect(self.button("Start")).to_be_visible()

    def button(self, name: str) -> Locator:
        """The button of this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def start(self) -> None:
        """Presses Start and waits until the call is live."""
        await self.button("Start").click()
        await self.reach("connected")

    async def stop(self) -> None:
        """Presses Stop and waits until the call has ended."""
        await self.button("Stop").click()
        await expect(self.button("Start")).to_be_visible()

    async def reach(self, status: str, timeout_s: float = 15) -> None:
        """Waits until the status is this one."""
        badge = self.page.locator(f".badge[data-status={status}]")
        await expect(badge).to_be_visible(timeout=timeout_s * 1000)

    async def switch_processing_off(self) -> None:
        """So that what is sent is what the file holds."""
        for name in ("Echo cancellation", "Noise suppression", "Automatic gain"):
            await self.page.get_by_role("switch", name=name).uncheck()

    async def levels(self, seconds: float) -> list[list[float]]:
        """Rows of time in seconds and what the two meters show in decibels, one each frame."""
        rows: list[list[float]] = await self.page.evaluate(RECORD_LEVELS, seconds)
        return rows

    async def echo_db(self) -> float:
        """What the echo's meter shows now."""
        return await self._meter_db("Echo")

    async def said_db(self) -> float:
        """What the microphone's meter shows now."""
        return await self._meter_db("You")

    async def _meter_db(self, name: str) -> float:
        meter = self.page.get_by_role("meter", name=f"{name} level")
        return float(await meter.get_attribute("aria-valuenow") or "nan")

    async def figure(self, name: str) -> str:
        """What a figure shows."""
        return (await self.page.locator(f'[data-figure="{name}"]').text_content() or "").strip()

    async def log_lines(self) -> list[str]:
        """The call log."""
        return await self.page.locator(".log li > span").all_text_contents()

    async def notice(self) -> str:
        """What went wrong, as people read it."""
        place = self.page.get_by_role("alert")
        await expect(place.get_by_role("heading")).to_be_visible(timeout=10_000)
        return await place.inner_text()

    async def picture(self, name: str, **options: Any) -> None:
        """Keeps a picture of the whole page."""
        path = self._output_folder / f"web-{name}.png"
        await self.page.screenshot(path=path, full_page=True, **options)
