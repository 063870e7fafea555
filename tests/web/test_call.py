"""The front end in a real browser: a call from Start to Stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import expect

from interop.server_process import ServerProcess, until
from interop.sound import write_wav
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
)

pytestmark = [pytest.mark.system, pytest.mark.microphone(MICROPHONE)]


async def test_start_makes_a_call_and_stop_ends_it(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await front_end.open(server.base_url)
    await front_end.picture("idle")
    await front_end.start()

    async def shows_quality() -> bool:
        return await front_end.figure("mos") != "–" and await front_end.figure("Jitter") != "–"

    await until(shows_quality)
    mos = float(await front_end.figure("mos"))
    await front_end.button("Stop").click()
    await expect(front_end.button("Start")).to_be_visible()

    await server.until_sessions(0)
    ended = [line["reason"] for line in server.lines if line["event"] == "session closed"]
    assert ended == ["deleted"]
    assert 4 < mos <= 4.5
    assert (await front_end.log_lines())[-1] == "The call has ended."


async def test_the_echos_level_follows_the_file_that_is_said(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await start_and_hear(front_end, server)

    rows = await front_end.levels(8)

    await front_end.picture("connected")
    said, heard, played = shown_db(rows, 1), shown_db(rows, 2), file_db()
    of_said, of_heard = best_correlation(said, played), best_correlation(heard, played)
    print(f"\nmeters against the file: said {of_said:.2f}, heard {of_heard:.2f}")
    assert np.ptp(heard[1]) > 10
    assert of_said > 0.85
    assert of_heard > 0.85


async def test_what_is_played_is_the_sound_of_the_file(
    server: ServerProcess, front_end: FrontEnd, output_folder: Path
) -> None:
    await front_end.tap_loudspeaker()
    await start_and_hear(front_end, server)

    async with front_end.recording() as recorded:
        await front_end.levels(5)

    played = recorded[0]
    write_wav(output_folder / "web-played.wav", played)
    correlations = second_by_second(played)
    print("\nplayed against the file, second by second:", [f"{c:.2f}" for c in correlations])
    assert len(correlations) >= 3
    assert float(np.median(correlations)) > 0.9


async def test_the_volume_makes_the_echo_quieter_and_not_the_voice(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await start_and_hear(front_end, server)
    loud = np.array(await front_end.levels(3)).mean(axis=0)

    await front_end.page.get_by_role("slider", name="Volume").fill("20")
    await front_end.levels(0.5)
    quiet = np.array(await front_end.levels(3)).mean(axis=0)

    assert quiet[2] < loud[2] - 15  # (0.2 / 0.8)² is 24 dB
    assert abs(quiet[1] - loud[1]) < 6


async def test_muting_the_echo_silences_the_echo_alone(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await start_and_hear(front_end, server)

    await front_end.button("Mute echo").click()

    async def is_silent() -> bool:
        return await front_end.echo_db() <= FLOOR_DB

    await until(is_silent)
    rows = np.array(await front_end.levels(1))
    assert rows[:, 2].max() <= FLOOR_DB
    assert rows[:, 1].max() > LOUD_DB
    await front_end.button("Mute echo").click()

    async def is_heard() -> bool:
        return await front_end.echo_db() > LOUD_DB

    await until(is_heard)


async def test_muting_the_microphone_silences_what_comes_back_and_keeps_the_call(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await start_and_hear(front_end, server)

    await front_end.button("Mute microphone").click()

    async def is_silent() -> bool:
        return await front_end.echo_db() <= FLOOR_DB

    await until(is_silent)
    await expect(front_end.page.get_by_role("status")).to_contain_text("microphone off")
    await front_end.picture("microphone-off")
    assert await server.session_count() == 1
    await front_end.button("Mute microphone").click()

    async def is_heard() -> bool:
        return await front_end.echo_db() > LOUD_DB

    await until(is_heard)


async def test_processing_is_switched_within_the_call(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await start_and_hear(front_end, server)

    await front_end.page.get_by_role("switch", name="Noise suppression").check()

    async def is_taken_anew() -> bool:
        return sum("Microphone:" in line for line in await front_end.log_lines()) == 2

    async def is_heard() -> bool:
        return await front_end.echo_db() > LOUD_DB

    await until(is_taken_anew)
    await until(is_heard)
    assert await server.session_count() == 1


async def test_the_way_from_mouth_to_ear_is_measured_on_request(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await start_and_hear(front_end, server)

    await front_end.button("Measure").click()

    async def is_measured() -> str:
        found = await front_end.figure("mouth-to-ear")
        return found.removesuffix(" ms") if found.endswith(" ms") else ""

    delay_ms = float(await until(is_measured))
    print(f"\nmouth to ear by the marker tone: {delay_ms:.0f} ms")
    await front_end.picture("measured")
    assert 20 < delay_ms < 250

    async def is_heard() -> bool:
        return await front_end.said_db() > LOUD_DB and await front_end.echo_db() > LOUD_DB

    await until(is_heard, what="the voice after the marker tone")


async def test_leaving_the_page_ends_the_session_at_once(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await start_and_hear(front_end, server)

    await front_end.page.goto("about:blank")

    await server.until_sessions(0, 3)
    ended = [line["reason"] for line in server.lines if line["event"] == "session closed"]
    # The DELETE and the browser's own goodbye to the peer are on their way at once.
    assert ended in (["deleted"], ["closed-by-peer"])


async def test_the_log_is_copied_without_the_sessions_whole_id(
    server: ServerProcess, front_end: FrontEnd
) -> None:
    await start_and_hear(front_end, server)

    await front_end.button("Copy").click()
    await expect(front_end.button("Copied")).to_be_visible()

    copied: str = await front_end.page.evaluate("navigator.clipboard.readText()")
    assert "Connected: you hear yourself." in copied
    assert len(copied.splitlines()) == len(await front_end.log_lines())
    assert "/sessions/" not in copied
