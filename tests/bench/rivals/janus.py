"""Janus's echo test behind a WHIP door, for the table of the bench.

Starts Debian's `janus` on loopback with a configuration of its own and translates a WHIP POST
into Janus's HTTP interface; media then flows straight to Janus. Prints the WHIP URL and the pid
of Janus, and ends it on SIGTERM.

    python -m bench.rivals.janus
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/janus")

MAIN_CONFIGURATION = """
general: {{
  configs_folder = "{folder}"
  plugins_folder = "{library}/plugins"
  transports_folder = "{library}/transports"
  events_folder = "{folder}"
  loggers_folder = "{folder}"
  debug_level = 2
  session_timeout = 0
}}
media: {{ rtp_port_range = "20000-59999" }}
nat: {{ ice_lite = true, ice_enforce_list = "127.0.0.1", ignore_mdns = true }}
plugins: {{ disable = "{other_plugins}" }}
transports: {{ disable = "{other_transports}" }}
"""

HTTP_CONFIGURATION = """
general: {{ json = "plain", base_path = "/janus", http = true, port = {port}, ip = "127.0.0.1",
  https = false }}
admin: {{ admin_http = false }}
"""


@dataclass(frozen=True, slots=True)
class Handle:
    """A Janus session and its handle on the echo plugin: one for each call."""

    session: int
    plugin: int


class Door:
    """The WHIP side: one Janus session a call."""

    def __init__(self, http: ClientSession, base: str) -> None:
        self._http = http
        self._base = base
        self._calls: dict[str, Handle] = {}

    async def _post(self, path: str, **body: object) -> dict[str, Any]:
        message = {**body, "transaction": "bench"}
        async with self._http.post(f"{self._base}{path}", json=message) as response:
            reply: dict[str, Any] = await response.json(content_type=None)
            return reply

    async def open(self, request: web.Request) -> web.Response:
        """POST of an offer."""
        session = (await self._post("", janus="create"))["data"]["id"]
        attached = await self._post(f"/{session}", janus="attach", plugin="janus.plugin.echotest")
        handle = Handle(session, attached["data"]["id"])
        await self._post(
            f"/{handle.session}/{handle.plugin}",
            janus="message",
            body={"audio": True, "video": False},
            jsep={"type": "offer", "sdp": await request.text()},
        )
        answer = await self._answer(handle)
        self._calls[str(session)] = handle
        return web.Response(
            status=201,
            text=answer,
            content_type="application/sdp",
            headers={"Location": f"/whip/sessions/{session}", "ETag": f'"{session}"'},
        )

    async def _answer(self, handle: Handle) -> str:
        while True:
            async with self._http.get(f"{self._base}/{handle.session}?maxev=1") as response:
                event = await response.json(content_type=None)
            if "jsep" in event:
                sdp: str = event["jsep"]["sdp"]
                return sdp

    async def close(self, request: web.Request) -> web.Response:
        """DELETE of a call."""
        handle = self._calls.pop(request.match_info["id"], None)
        if handle is None:
            raise web.HTTPNotFound
        await self._post(f"/{handle.session}", janus="destroy")
        return web.Response()


def _names(folder: str) -> str:
    return ",".join(path.name for path in (LIBRARY / folder).glob("*.so"))


def leave_the_core_to_it() -> None:
    """Moves this door to the other cores: what it does is not Janus's work."""
    others = set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0)
    if others:
        os.sched_setaffinity(0, others)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _wait_until_open(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return


async def serve(folder: Path) -> None:
    """Runs Janus and its door until SIGTERM."""
    port = _free_port()
    others = {name: _names(name) for name in ("plugins", "transports")}
    main = MAIN_CONFIGURATION.format(
        folder=folder,
        library=LIBRARY,
        other_plugins=others["plugins"].replace("libjanus_echotest.so", ""),
        other_transports=others["transports"].replace("libjanus_http.so", ""),
    )
    (folder / "janus.jcfg").write_text(main)
    (folder / "janus.transport.http.jcfg").write_text(HTTP_CONFIGURATION.format(port=port))
    janus = await asyncio.create_subprocess_exec(
        "janus", "-F", str(folder), stdout=asyncio.subprocess.DEVNULL
    )
    leave_the_core_to_it()
    try:
        await asyncio.wait_for(_wait_until_open(port), 10)
        async with ClientSession() as http:
            door = Door(http, f"http://127.0.0.1:{port}/janus")
            app = web.Application()
            app.router.add_post("/whip", door.open)
            app.router.add_delete("/whip/sessions/{id}", door.close)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            print(f"http://127.0.0.1:{runner.addresses[0][1]}/whip pid {janus.pid}", flush=True)
            stopped = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
            await stopped.wait()
            await runner.cleanup()
    finally:
        janus.terminate()
        await janus.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        asyncio.run(serve(Path(temporary)))
