"""The front end when servers leave, move their calls, come back or end them."""

from __future__ import annotations

import signal
import time
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from interop.server_process import ServerProcess, running_server, until
from interop.sound import FRAME_S, speech_like
from web.conftest import MICROPHONE
from web.front_door import front_door
from web.front_end import FrontEnd
from web.hearing import longest_silence_s, start_and_hear, wait_for_echo, wait_for_line
from web.transports import BY_EITHER, PATHS, transports

pytestmark = [pytest.mark.system, pytest.mark.microphone(MICROPHONE)]

MOST_MOVES = {"webrtc": 1, "websocket": 3}
"""A starved machine makes pauses of its own in sound that a page decodes by itself; a move that
makes one makes it each time."""
# So that a test can do to the track what the browser does when its device is taken away.
KEEP_MICROPHONE = """(() => {
  const devices = navigator.mediaDevices;
  const ask = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    window.microphone = stream.getAudioTracks()[0];
    return stream;
  };
})();"""


@BY_EITHER
async def test_a_call_outlives_a_restart_of_its_server(front_end: FrontEnd, transport: str) -> None:
    async with running_server() as first:
        address = urlsplit(first.base_url).netloc
        await start_and_hear(front_end, first, PATHS[transport])

        first.process.send_signal(signal.SIGTERM)
        await first.process.wait()
        await front_end.reach("connecting")
        await front_end.picture(f"reconnecting-{transport}")

    async with running_server("--http", address) as second:
        await front_end.reach("connected", timeout_s=20)
        await wait_for_echo(front_end)
        assert await transports(second) == [transport]
        await front_end.picture(f"recovered-{transport}")
        await front_end.stop()


@BY_EITHER
async def test_a_call_outlives_a_server_that_is_killed(front_end: FrontEnd, transport: str) -> None:
    async def call_and_kill() -> None:
        async with running_server() as first:
            await start_and_hear(front_end, first, PATHS[transport])
            first.process.kill()
            await first.process.wait()

    with pytest.raises(AssertionError, match="left with -9"):
        await call_and_kill()
    address = urlsplit(front_end.page.url).netloc

    async with running_server("--http", address) as second:
        ready_s = time.monotonic()
        await wait_for_line(front_end, "Opening a session again", timeout_s=30)
        await front_end.reach("connected", timeout_s=20)
        await wait_for_echo(front_end)
        print(f"\nheard again {time.monotonic() - ready_s:.1f} s after the new server was ready")
        assert await transports(second) == [transport]
        await front_end.stop()


async def test_a_call_is_opened_again_when_the_server_ends_its_session(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await front_end.open(server.base_url)
    await front_end.start()
    await wait_for_echo(front_end)
    (label,) = await server.labels()

    await server.end_session(label)

    await wait_for_line(front_end, "Opening a session again.")
    await front_end.reach("connected")
    await wait_for_echo(front_end)
    (successor,) = await server.labels()
    assert successor != label


async def pause_of_a_move_s(front_end: FrontEnd, transport: str) -> float:
    """The longest pause while a call moves from a server that leaves to another."""
    async with (
        running_server("--drain-limit-s", "0.1", "--drain-notice-s", "20") as old,
        running_server() as new,
        front_door(old) as door,
    ):
        await front_end.open(door.url + PATHS[transport])
        await front_end.start()
        await wait_for_echo(front_end)
        door.newest = new

        async with front_end.recording() as recorded:
            await front_end.levels(1)
            old.process.send_signal(signal.SIGTERM)
            await wait_for_line(front_end, "Moved: the new session plays")
            await front_end.levels(1)

        assert await transports(new) == [transport]
        assert await old.process.wait() == 0
        await wait_for_echo(front_end)
        await front_end.picture(f"moved-{transport}")
        await front_end.stop()
        return longest_silence_s(recorded[0])


@BY_EITHER
async def test_a_call_moves_to_another_server_without_a_gap(
    front_end: FrontEnd, transport: str
) -> None:
    await front_end.tap_loudspeaker()
    own_s = longest_silence_s(speech_like(20.0))
    longest_s = own_s + 5 * FRAME_S
    pauses_s = [await pause_of_a_move_s(front_end, transport)]

    while min(pauses_s) > longest_s and len(pauses_s) < MOST_MOVES[transport]:
        pauses_s.append(await pause_of_a_move_s(front_end, transport))

    print(f"\nlongest pause in each move: {pauses_s}; of the file: {own_s:.2f} s")
    assert min(pauses_s) <= longest_s


async def test_a_call_ends_with_a_reason_when_its_time_is_over(front_end: FrontEnd) -> None:
    async with running_server("--max-session-s", "2") as server:
        await front_end.open(server.base_url)
        await front_end.start()

        notice = await front_end.notice()

        assert "The server ended the call" in notice
        await expect(front_end.button("Start")).to_be_visible()


async def test_a_server_without_an_event_stream_that_dies_is_found_out_by_silence(
    front_end: FrontEnd,
) -> None:
    async with running_server() as first:
        address = urlsplit(first.base_url).netloc
        await front_end.open(first.base_url)
        await front_end.page.route("**/whip/events/*", lambda route: route.abort())
        await front_end.start()
        await wait_for_echo(front_end)

        first.process.send_signal(signal.SIGTERM)
        await first.process.wait()

    async with running_server("--http", address) as second:
        await wait_for_line(front_end, "Opening a session again")
        await front_end.reach("connected", timeout_s=20)
        assert await second.session_count() == 1


async def test_a_call_restarts_ice_when_the_network_is_back_and_keeps_its_session(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await front_end.open(server.base_url)
    await front_end.start()
    await wait_for_echo(front_end)
    before = (await server.stats())["per_session"][0]["session"]
    patches: list[str] = []
    front_end.page.on(
        "response",
        lambda response: (
            patches.append(f"{response.request.headers['if-match']} {response.status}")
            if response.request.method == "PATCH"
            else None
        ),
    )

    await front_end.page.context.set_offline(True)
    await front_end.page.context.set_offline(False)

    await wait_for_line(front_end, "ICE restart")

    async def is_restarted() -> bool:
        return "* 200" in patches

    await until(is_restarted)
    sent = (await server.stats())["per_session"][0]["sent"]["packets"]

    async def goes_on() -> bool:
        session = (await server.stats())["per_session"][0]
        return bool(session["sent"]["packets"] > sent + 100)

    await until(goes_on)
    await wait_for_echo(front_end)
    assert (await server.stats())["per_session"][0]["session"] == before
    assert await server.session_count() == 1


async def test_a_microphone_that_is_unplugged_ends_the_call_with_advice(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await front_end.page.add_init_script(KEEP_MICROPHONE)
    await front_end.open(server.base_url)
    await front_end.start()

    await front_end.page.evaluate("microphone.dispatchEvent(new Event('ended'))")

    notice = await front_end.notice()
    await front_end.picture("unplugged")
    assert "The microphone was unplugged" in notice
    await expect(front_end.button("Start")).to_be_visible()

    await server.until_sessions(0)
