"""A page of the tests: makes a WHIP call in a real browser and records both ends of the echo."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from aiohttp import web
from playwright.async_api import Browser

from interop.sound import Samples

RECORDER = """
registerProcessor("recorder", class extends AudioWorkletProcessor {
  process(inputs) {
    const channels = inputs.map((input) => input[0] ?? new Float32Array(128));
    this.port.postMessage(channels.map((channel) => channel.slice()));
    return true;
  }
});
"""

PAGE = """<!doctype html><title>call</title><script>
const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

async function record(context, microphone, echo, seconds) {
  await context.audioWorklet.addModule("/recorder.js");
  const node = new AudioWorkletNode(context, "recorder", { numberOfInputs: 2 });
  context.createMediaStreamSource(microphone).connect(node, 0, 0);
  context.createMediaStreamSource(echo).connect(node, 0, 1);
  node.connect(context.destination);
  const wanted = seconds * context.sampleRate;
  const tracks = [new Float32Array(wanted), new Float32Array(wanted)];
  await new Promise((done) => {
    let length = 0;
    node.port.onmessage = ({ data }) => {
      if (length + 128 > wanted) { done(); return; }
      data.forEach((block, i) => tracks[i].set(block, length));
      length += 128;
    };
  });
  return tracks.map((track) => {
    const bytes = new Uint8Array(track.buffer);
    let text = "";
    for (let i = 0; i < bytes.length; i += 32768)
      text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    return btoa(text);
  });
}

async function call(whip, seconds) {
  const context = new AudioContext({ sampleRate: 48000 });
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: plain });
  const peer = new RTCPeerConnection();
  peer.addTransceiver(microphone.getAudioTracks()[0], { streams: [microphone] });
  const heard = new Promise((done) => {
    peer.ontrack = ({ track }) => done(new MediaStream([track]));
  });
  await peer.setLocalDescription(await peer.createOffer());
  const started = performance.now();
  const response = await fetch(whip, {
    method: "POST", headers: { "Content-Type": "application/sdp" }, body: peer.localDescription.sdp,
  });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  const answered = performance.now();
  const connected = new Promise((done, fail) => {
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "connected") done(performance.now());
      if (peer.connectionState === "failed") fail(new Error("failed"));
    };
  });
  await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
  const connectedAt = await connected;
  const echo = await heard;
  const player = new Audio();
  player.muted = true;
  player.srcObject = echo;
  await player.play();
  await record(context, microphone, echo, 2);
  const inbound = async () =>
    [...(await peer.getStats()).values()].find((entry) => entry.type === "inbound-rtp");
  const before = await inbound();
  const [said, echoed] = await record(context, microphone, echo, seconds);
  const after = await inbound();
  const session = new URL(response.headers.get("Location"), response.url);
  const deleted = await fetch(session, { method: "DELETE" });
  peer.close();
  return {
    postMs: answered - started, connectMs: connectedAt - answered, said, echoed,
    jitterS: after.jitter, lost: after.packetsLost, received: after.packetsReceived,
    concealed: after.concealedSamples - before.concealedSamples,
    samples: after.totalSamplesReceived - before.totalSamplesReceived,
    headers: Object.fromEntries(["location", "etag", "link", "accept-patch"].map(
      (name) => [name, response.headers.get(name)])),
    deleted: deleted.status,
  };
}
</script>"""


@asynccontextmanager
async def serve_pages(extra: dict[str, tuple[str, str]] | None = None) -> AsyncIterator[str]:
    """Serves the page (and `extra` files: path to type and text) on loopback; gives the URL."""
    pages = {
        "/": ("text/html", PAGE),
        "/recorder.js": ("text/javascript", RECORDER),
        **(extra or {}),
    }

    async def page(request: web.Request) -> web.Response:
        content_type, text = pages[request.path]
        return web.Response(text=text, content_type=content_type)

    app = web.Application()
    for path in pages:
        app.router.add_get(path, page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def make_call(browser: Browser, whip_url: str, seconds: float) -> dict[str, Any]:
    """One echo call; `said` and `echoed` in the result are samples, recorded side by side."""
    async with serve_pages() as url:
        page = await browser.new_page()
        await page.goto(url)
        result: dict[str, Any] = await page.evaluate(
            "([whip, seconds]) => call(whip, seconds)", [whip_url, seconds]
        )
        await page.close()
    for name in ("said", "echoed"):
        result[name] = _samples(result[name])
    return result


def _samples(text: str) -> Samples:
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float64)
