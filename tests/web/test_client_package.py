"""The page's clients as an npm package: other teams' pages and compilers can use it."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from interop.browser_page import serve_pages
from interop.checked_page import listen_to
from interop.server_process import ServerProcess, until

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
WEB = ROOT / "mediaserver/web"
WITH_NODE = str(ROOT / "scripts/with-node")
MAKE_CALL = """async ([script, endpoint]) => {
  const { browserPorts, openWhipSession } = await import(script);
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  const events = [];
  await new Promise((done) => {
    window.session = openWhipSession(
      browserPorts, { endpoint, track: microphone.getAudioTracks()[0] },
      (event) => {
        events.push(event.kind);
        if (["connected", "lost"].includes(event.kind)) done();
      });
  });
  return events;
}"""
# Counts what comes back of frames that are numbered in their first sample.
MAKE_V2_CALL = """async ([script, endpoint]) => {
  const { browserV2Ports, openV2Session } = await import(script);
  const format = { encoding: "audio/x-l16", sampleRate: 16000, channels: 1 };
  const heard = [];
  await new Promise((done) => {
    let sending;
    let said = 0;
    const session = openV2Session(browserV2Ports, { endpoint, format }, {
      tell: ({ kind }) => {
        if (kind === "lost") done();
        if (kind !== "connected") return;
        sending = setInterval(() => session.send(Uint8Array.of(++said, ...Array(639).fill(0)), 320),
          20);
      },
      hear: ({ payload }) => {
        heard.push(payload[0]);
        if (heard.length < 20) return;
        clearInterval(sending);
        session.close();
        done();
      },
    });
  });
  return heard;
}"""
CONSUMER = """
import {
  askForSession, browserPorts, browserV2Ports, isTemporary, openV2Session, openWhipSession,
} from "@voicemedia/whip-client";
import type { AudioFormat, SessionDecision, V2Session, WhipSession } from "@voicemedia/whip-client";
const format: AudioFormat = { encoding: "audio/opus", sampleRate: 48000, channels: 1 };
export function callByWebSocket(endpoint: string): V2Session {
  return openV2Session(browserV2Ports, { endpoint, format }, {
    hear: ({ payload }) => console.log(payload.length),
    tell: (event) => {
      if (event.kind === "move-asked") console.log(event.resumeToken);
    },
  });
}
export async function decide(clientId: string): Promise<SessionDecision | null> {
  const capabilities = { webrtc: true, websocket: true };
  return askForSession(browserPorts, { endpoint: "/v2/session", clientId, capabilities });
}
export function call(track: MediaStreamTrack): WhipSession {
  return openWhipSession(browserPorts, { endpoint: "/whip", track }, (event) => {
    if (event.kind === "lost") console.log(isTemporary(event.failure), event.failure.reason);
  });
}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked package, as npm would install it below a project."""
    folder = tmp_path_factory.mktemp("consumer")
    build = [WITH_NODE, "npm", "run", "--silent", "build:client"]
    subprocess.run(build, cwd=WEB, check=True, capture_output=True)
    pack = ["npm", "pack", "--silent", "--pack-destination", str(folder), "./client"]
    subprocess.run(pack, cwd=WEB, check=True, capture_output=True)
    (archive,) = folder.glob("*.tgz")
    installed = folder / "node_modules/@voicemedia"
    with tarfile.open(archive) as packed:
        packed.extractall(installed, filter="data")
    return (installed / "package").rename(installed / "whip-client")


async def test_a_page_of_another_origin_makes_a_call_with_it(
    server: ServerProcess, chromium: Browser, package: Path
) -> None:
    script = (package / "dist/index.js").read_text(encoding="utf-8")
    async with serve_pages({"/client.js": ("text/javascript", script)}) as url:
        page = await chromium.new_page()
        await page.goto(url)

        arguments = [f"{url}/client.js", server.whip_url]
        events: list[str] = await page.evaluate(MAKE_CALL, arguments)

        async def is_echoed() -> bool:
            sessions: list[dict[str, Any]] = (await server.stats())["per_session"]
            return bool(sessions) and sessions[0]["sent"]["packets"] > 20

        await until(is_echoed)
        await page.evaluate("session.close()")

        await server.until_sessions(0)
    assert [kind for kind in events if kind != "note"] == ["answered", "connected"]


async def test_a_page_of_another_origin_speaks_websocket_v2_with_it(
    server: ServerProcess, chromium: Browser, package: Path
) -> None:
    script = (package / "dist/index.js").read_text(encoding="utf-8")
    async with serve_pages({"/client.js": ("text/javascript", script)}) as url:
        page = await chromium.new_page()
        minutes = listen_to(page)
        await page.goto(url)

        arguments = [f"{url}/client.js", f"{server.base_url}/v2/ws"]
        heard: list[int] = await page.evaluate(MAKE_V2_CALL, arguments)

        await server.until_sessions(0)
    assert heard == list(range(1, 21))
    assert minutes.faults == []
    assert {"connected", "start", "stop"} <= set(minutes.events["client"])


@pytest.mark.parametrize("modules", [("nodenext", "nodenext"), ("esnext", "bundler")])
def test_its_types_compile_strictly_elsewhere(package: Path, modules: tuple[str, str]) -> None:
    folder = package.parents[2]
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "consumer.ts").write_text(CONSUMER)
    module, resolution = modules
    options = ["--strict", "--noEmit", "--target", "es2022", "--module", module]

    compiled = subprocess.run(
        [WEB / "node_modules/.bin/tsc", *options, "--moduleResolution", resolution, "consumer.ts"],
        cwd=folder,
        capture_output=True,
        text=True,
    )

    assert (compiled.returncode, compiled.stdout) == (0, "")
