"""A plain page that calls over WebSocket v2 in a real browser, plays it, and keeps both ends."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from playwright.async_api import Browser

from interop.browser_page import serve_pages
from interop.checked_page import listen_to

LINE = """
const FRAME = 960;
const AHEAD = 3;

registerProcessor("line", class extends AudioWorkletProcessor {
  constructor() {
    super();
    this.said = new Int16Array(FRAME);
    this.length = 0;
    this.waiting = [];
    this.playing = null;
    this.position = 0;
    this.isFilling = true;
    this.underruns = 0;
    this.port.onmessage = ({ data }) => this.waiting.push(data);
  }

  get frames() { return this.waiting.filter((entry) => typeof entry !== "string").length; }

  returnMarks() {
    while (typeof this.waiting[0] === "string")
      this.port.postMessage({ mark: this.waiting.shift() });
  }

  next() {
    this.returnMarks();
    if (this.isFilling && this.frames < AHEAD) return null;
    this.isFilling = false;
    const frame = this.waiting.shift() ?? null;
    if (frame === null) { this.isFilling = true; this.underruns += 1; }
    return frame;
  }

  process([microphone], [echo]) {
    const block = microphone[0] ?? new Float32Array(128);
    for (const sample of block) {
      this.said[this.length++] = Math.round(Math.max(-1, Math.min(1, sample)) * 32767);
      if (this.length === FRAME) {
        this.port.postMessage({
          frame: this.said.slice(), buffered: this.frames * 20, underruns: this.underruns,
        });
        this.length = 0;
      }
    }
    for (let i = 0; i < echo[0].length; i++) {
      if (this.playing === null || this.position === this.playing.length) {
        this.playing = this.next();
        this.position = 0;
      }
      echo[0][i] = this.playing === null ? 0 : this.playing[this.position++] / 32767;
    }
    return true;
  }
});
"""

CALL = """
function asText(frames) {
  const bytes = new Uint8Array(frames.length * 1920);
  frames.forEach((frame, i) => bytes.set(new Uint8Array(frame.buffer), i * 1920));
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768)
    text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
}

async function callOverWebSocket(url, seconds) {
  const context = new AudioContext({ sampleRate: 48000 });
  await context.audioWorklet.addModule("/line.js");
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: plain });
  const socket = new WebSocket(url, "vm.v2.json");
  await new Promise((done, fail) => { socket.onopen = done; socket.onerror = fail; });
  const say = (message) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  const line = new AudioWorkletNode(context, "line", { outputChannelCount: [1] });
  const said = [];
  const heard = [];
  context.createMediaStreamSource(microphone).connect(line);
  line.connect(context.destination);
  const closed = new Promise((done) => { socket.onclose = ({ code }) => done(code); });
  let enough;
  const allHeard = new Promise((done) => { enough = done; });
  const started = await new Promise((done) => {
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.event === "started") done(message);
      if (message.event === "ping") say({ event: "pong", t: message.t });
      if (message.event === "mark") line.port.postMessage(message.mark.name);
      if (message.event !== "media") return;
      const text = atob(message.media.payload);
      const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
      const frame = new Int16Array(bytes.buffer);
      heard[message.media.chunk - 1] = frame;
      line.port.postMessage(frame);
      if (heard.length >= seconds * 50) enough();
    };
    const mediaFormat = { encoding: "audio/x-l16", sampleRate: 48000, channels: 1 };
    say({ event: "start", start: { mediaFormat } });
  });
  let chunk = 0;
  line.port.onmessage = ({ data }) => {
    if (data.mark) { say({ event: "mark", mark: { name: data.mark } }); return; }
    chunk += 1;
    said.push(data.frame);
    const payload = btoa(String.fromCharCode(...new Uint8Array(data.frame.buffer)));
    say({ event: "media", media: { chunk, timestamp: 20 * chunk, payload } });
    if (chunk % 50 === 0)
      say({ event: "stats", bufferedMs: data.buffered, underruns: data.underruns });
  };
  await allHeard;
  const stats = await (await fetch(url.replace("ws", "http").replace("/v2/ws", "/stats"))).json();
  say({ event: "stop" });
  return {
    said: asText(said.slice(0, heard.length)), heard: asText(heard), started,
    session: stats.per_session[0], code: await closed,
  };
}
"""


async def make_websocket_call(browser: Browser, base_url: str, seconds: float) -> dict[str, Any]:
    """One echo call; `said` and `heard` are the samples that went and came. Every message that
    the browser sent or got was held to its published schema; `messages` is how many."""
    extra = {
        "/line.js": ("text/javascript", LINE),
        "/call.js": ("text/javascript", CALL),
    }
    async with serve_pages(extra) as url:
        page = await browser.new_page()
        minutes = listen_to(page)
        await page.goto(url)
        await page.add_script_tag(url=f"{url}/call.js")
        socket_url = base_url.replace("http", "ws", 1) + "/v2/ws"
        result: dict[str, Any] = await page.evaluate(
            "([url, seconds]) => callOverWebSocket(url, seconds)", [socket_url, seconds]
        )
        await page.close()
    assert minutes.faults == []
    for name in ("said", "heard"):
        result[name] = np.frombuffer(base64.b64decode(result[name]), "<i2").astype(np.float64)
    return {**result, "messages": sum(map(len, minutes.events.values()))}
