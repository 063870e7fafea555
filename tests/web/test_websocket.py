"""Calls of the page by WebSocket v2: asked for, decided, fallen back to and resumed."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.async_api import WebSocketRoute, expect

from interop.server_process import ServerProcess, running_server, until
from interop.sound import write_wav
from voicemedia_rollout.document import Rollout, write_document
from web.accessibility import violations
from web.conftest import MICROPHONE
from web.front_end import FrontEnd
from web.hearing import (
    FLOOR_DB,
    LOUD_DB,
    best_correlation,
    file_db,
    second_by_second,
    shown_db,
    start_and_hear,
    wait_for_echo,
    wait_for_line,
)
from web.transports import ASKED, transports

pytestmark = [pytest.mark.system, pytest.mark.microphone(MICROPHONE)]

MAX_BUFFER_MS = 60.0
WITHOUT_WEBRTC = "delete window.RTCPeerConnection;"
WEBRTC_SWITCHED_OFF = """window.RTCPeerConnection = class {
  constructor() { throw new DOMException("WebRTC is switched off", "NotSupportedError"); }
};"""
CODECS = {"opus": "opus", "l16": "L16, 48 kHz", "l16-16000": "L16, 16 kHz"}


async def detail(front_end: FrontEnd, name: str) -> str:
    """What the card of details shows."""
    row = front_end.page.locator(".details div").filter(has_text=name).locator("dd")
    return (await row.text_content() or "").strip()


async def settled_buffer_ms(front_end: FrontEnd) -> float:
    """What the jitter buffer holds once it is short; a busy machine makes it longer for a while."""

    async def short_ms() -> float:
        shown = (await front_end.figure("Jitter buffer")).removesuffix(" ms")
        buffer_ms = float(shown) if shown != "–" else MAX_BUFFER_MS
        return buffer_ms if buffer_ms < MAX_BUFFER_MS else 0.0

    return float(await until(short_ms, 40, "a short jitter buffer"))


@pytest.mark.parametrize("codec", CODECS)
async def test_what_is_played_is_the_sound_of_the_file(
    server: ServerProcess, front_end: FrontEnd, output_folder: Path, codec: str
) -> None:
    await front_end.tap_loudspeaker()
    await start_and_hear(front_end, server, f"{ASKED}&codec={codec}")

    async with front_end.recording() as recorded:
        rows = await front_end.levels(6)

    write_wav(output_folder / f"web-websocket-{codec}.wav", recorded[0])
    correlations = second_by_second(recorded[0])
    of_heard = best_correlation(shown_db(rows, 2), file_db())
    buffer_ms = await settled_buffer_ms(front_end)
    print(
        f"\n{codec}: played against the file {[f'{c:.2f}' for c in correlations]}, "
        f"meter {of_heard:.2f}, jitter buffer {buffer_ms:.0f} ms"
    )
    await front_end.picture(f"websocket-{codec}")
    assert await transports(server) == ["websocket"]
    assert await detail(front_end, "Codec") == CODECS[codec]
    assert "WebSocket, since the address" in await detail(front_end, "Transport")
    assert len(correlations) >= 3
    assert float(np.median(correlations)) > 0.9
    assert of_heard > 0.85


async def test_the_call_has_its_figures_and_ends_at_once(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await start_and_hear(front_end, server, ASKED)

    async def shows_quality() -> bool:
        names = ("mos", "Round trip", "Jitter", "Jitter buffer")
        return all([await front_end.figure(name) != "–" for name in names])

    async def is_reported() -> bool:
        reported = (await server.stats())["per_session"][0]["reported"]
        return reported["jitter_s"] is not None and reported["playout_s"] is not None

    await until(shows_quality, what="figures")
    await until(is_reported, what="the client's report")
    mos = float(await front_end.figure("mos"))
    round_trip_ms = float((await front_end.figure("Round trip")).removesuffix(" ms"))
    await front_end.button("Stop").click()

    await server.until_sessions(0, 3)
    ended = [line["reason"] for line in server.lines if line["event"] == "session closed"]
    assert {"start", "ping", "pong", "stats", "mark"} <= set(front_end.minutes.events["client"])
    print(f"\nMOS {mos:.2f}, round trip {round_trip_ms:.1f} ms")
    assert ended == ["deleted"]
    assert 3.5 < mos <= 4.5
    assert round_trip_ms < 500


async def test_muting_the_microphone_sends_silence_and_keeps_the_call(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await start_and_hear(front_end, server, ASKED)

    await front_end.button("Mute microphone").click()

    async def is_silent() -> bool:
        return await front_end.echo_db() <= FLOOR_DB

    await until(is_silent)
    assert await server.session_count() == 1
    await front_end.button("Mute microphone").click()
    await wait_for_echo(front_end)


async def test_the_way_from_mouth_to_ear_is_measured(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await start_and_hear(front_end, server, ASKED)

    await front_end.button("Measure").click()

    async def is_measured() -> str:
        found = await front_end.figure("mouth-to-ear")
        return found.removesuffix(" ms") if found.endswith(" ms") else ""

    delay_ms = float(await until(is_measured))
    print(f"\nmouth to ear by the marker tone: {delay_ms:.0f} ms")
    assert 20 < delay_ms < 400
    await wait_for_echo(front_end)


async def test_a_call_outlives_a_server_that_is_frozen(front_end: FrontEnd) -> None:
    async with running_server() as server:
        await start_and_hear(front_end, server, ASKED)

        server.process.send_signal(signal.SIGSTOP)
        try:
            await wait_for_line(front_end, "The connection is interrupted")
            await wait_for_line(front_end, "Opening a session again")
        finally:
            server.process.send_signal(signal.SIGCONT)

        await front_end.reach("connected", timeout_s=20)
        await wait_for_echo(front_end)

        await server.until_sessions(1)
        await front_end.stop()


@pytest.mark.parametrize("script", [WITHOUT_WEBRTC, WEBRTC_SWITCHED_OFF])
async def test_without_webrtc_the_call_goes_by_websocket_and_says_so(
    server: ServerProcess, front_end: FrontEnd, script: str
) -> None:
    await front_end.page.add_init_script(script)
    await start_and_hear(front_end, server)

    assert await transports(server) == ["websocket"]
    assert "WebSocket, since" in await detail(front_end, "Transport")
    assert "The call goes by WebSocket" in await front_end.notice()


async def test_media_that_cannot_pass_falls_back_and_is_heard(
    front_end: FrontEnd,
) -> None:
    """The server names a media address that nobody answers at, as behind a firewall."""
    async with running_server("--advertise", "192.0.2.1") as server:
        await front_end.open(server.base_url)
        await front_end.button("Start").click()

        await front_end.reach("connected", timeout_s=20)
        await wait_for_echo(front_end)

        found = await violations(front_end.page)
        await front_end.picture("fallback")
        assert found == []
        assert await transports(server) == ["websocket"]
        lines = "\n".join(await front_end.log_lines())
        assert re.search(r"WebRTC could not connect: .+", lines)
        assert "Transport: WebSocket, since WebRTC could not connect." in lines
        assert "The call goes by WebSocket" in await front_end.notice()
        await front_end.stop()


@pytest.mark.parametrize(
    ("percent", "transport", "shown"),
    [
        ("100", "webrtc", "WebRTC, since the server's rollout chose it"),
        ("0", "websocket", "WebSocket, since the server's rollout chose it"),
    ],
)
async def test_the_servers_decision_is_followed(
    front_end: FrontEnd, percent: str, transport: str, shown: str
) -> None:
    async with running_server("--webrtc-percent", percent) as server:
        await start_and_hear(front_end, server)

        assert await transports(server) == [transport]
        assert shown in await detail(front_end, "Transport")
        await expect(front_end.page.get_by_role("alert")).to_be_empty()
        await front_end.stop()


async def test_a_kill_switch_moves_new_calls_and_leaves_the_one_that_goes_on(
    front_end: FrontEnd, tmp_path: Path
) -> None:
    flags = tmp_path / "flags.json"
    flags.write_text(write_document(Rollout(weight_percent=100, revision=1)))
    async with running_server("--flags-file", str(flags)) as server:
        await start_and_hear(front_end, server)
        before = (await server.stats())["per_session"][0]["session"]

        flags.write_text(write_document(Rollout(weight_percent=100, revision=2, is_killed=True)))
        await until_decided(server, "websocket")

        assert (await server.stats())["per_session"][0]["session"] == before
        await front_end.stop()
        await front_end.start()
        await wait_for_echo(front_end)
        assert await transports(server) == ["websocket"]
        assert "switched WebRTC off" in await detail(front_end, "Transport")
        await front_end.stop()


async def until_decided(server: ServerProcess, transport: str) -> None:
    """Until a new client is given this transport."""

    async def is_given() -> bool:
        asked = {"client_id": "new", "capabilities": {"webrtc": True, "websocket": True}}
        async with server.http.post(f"{server.base_url}/v2/session", json=asked) as answer:
            return bool((await answer.json())["transport"] == transport)

    await until(is_given, what=f"the decision for {transport}")


async def test_a_fallback_brings_the_session_token_along(front_end: FrontEnd) -> None:
    """So that the server can tell a fallback from a client that was given WebSocket."""
    sockets: list[str] = []
    front_end.page.on("websocket", lambda socket: sockets.append(socket.url))
    async with running_server("--advertise", "192.0.2.1") as server:
        await front_end.open(server.base_url)
        asked: list[str] = []
        front_end.page.on("request", lambda request: asked.append(request.url))

        await front_end.button("Start").click()
        await front_end.reach("connected", timeout_s=20)

        (offered,) = [url for url in asked if "/whip?" in url]
        assert "session=" in offered
        assert urlsplit(sockets[0]).query == urlsplit(offered).query
        (session,) = (await server.stats())["per_session"]
        assert (session["transport"], session["variant"]) == ("websocket", "webrtc")
        await front_end.stop()


async def test_a_call_that_was_given_webrtc_outlives_a_restart_that_forgot_its_token(
    front_end: FrontEnd,
) -> None:
    async with running_server() as first:
        address = urlsplit(first.base_url).netloc
        await start_and_hear(front_end, first)

    async with running_server("--http", address) as second:
        await front_end.reach("connected", timeout_s=20)
        await wait_for_echo(front_end)
        assert await transports(second) == ["webrtc"]
        await front_end.stop()


async def test_a_call_that_lost_its_session_is_resumed_by_the_next(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    started: list[dict[str, Any]] = []

    def listen(text: str | bytes) -> None:
        if isinstance(text, str) and '"started"' in text:
            started.append(json.loads(text))

    front_end.page.on("websocket", lambda socket: socket.on("framereceived", listen))
    await start_and_hear(front_end, server, ASKED)
    (label,) = await server.labels()

    await server.end_session(label)

    await wait_for_line(front_end, "Opening a session again")
    await front_end.reach("connected")
    await wait_for_echo(front_end)
    assert [message["session"]["resumed"] for message in started] == [False, True]
    assert len({message["streamSid"] for message in started}) == 1


async def test_a_call_is_heard_on_after_a_clear_that_brought_its_mark_back(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    """What the server never says to a page that says no `clear` itself, a door between says."""
    routes: list[WebSocketRoute] = []
    returned: list[str] = []

    def pass_on(route: WebSocketRoute) -> None:
        routes.append(route)
        behind = route.connect_to_server()

        def from_page(said: str | bytes) -> None:
            if isinstance(said, str) and '"door-1"' in said:
                returned.append(json.loads(said)["event"])
            else:
                behind.send(said)

        route.on_message(from_page)

    await front_end.page.route_web_socket(re.compile("/v2/ws"), pass_on)
    await start_and_hear(front_end, server, ASKED)
    (route,) = routes

    route.send('{"event":"mark","streamSid":"MZ1","mark":{"name":"door-1"}}')
    route.send('{"event":"clear","streamSid":"MZ1"}')

    async def is_returned() -> bool:
        return returned == ["mark"]

    await until(is_returned, what="the mark")
    rows = await front_end.levels(2)
    assert max(echo_db for _, _, echo_db in rows[len(rows) // 2 :]) > LOUD_DB
    assert await transports(server) == ["websocket"]
