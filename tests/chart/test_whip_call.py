"""The call of `helm test` hears an echo where there is one, and says what is wrong where not."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from chart.place import CHART
from interop.server_process import running_server

pytestmark = pytest.mark.system

SCRIPT = CHART / "files" / "whip_call.py"
TOKEN = "a-token-of-the-test"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def called(url: str, *options: str) -> tuple[int, str]:
    """Exit code, and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SCRIPT), url, *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "PYTHONSAFEPATH": "1"},
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, said.decode()


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """A server of one route; gives its URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/whip"
    finally:
        await runner.cleanup()


async def test_it_hears_its_tone_and_hangs_up() -> None:
    async with running_server() as server:
        code, said = await called(server.whip_url, "--timeout-s=30")

        assert code == 0, said
        share = re.search(r"(\d+)% of it the tone of 440 Hz", said)
        assert share is not None
        assert int(share[1]) > 80
        assert await server.session_count() == 0


async def test_it_shows_the_token_that_it_was_given(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    options = ("--auth-mode", "token", "--auth-tokens-file", str(tokens))
    async with running_server(*options) as server:
        stranger = await called(server.whip_url, "--timeout-s=30")
        known = await called(server.whip_url, "--timeout-s=30", f"--token-file={tokens}")

    assert stranger[0] == 1
    assert "the offer was answered with 401" in stranger[1]
    assert known[0] == 0, known[1]
    assert TOKEN not in known[1]


async def test_a_fleet_that_is_on_its_way_is_waited_for() -> None:
    async with running_server() as server:
        asked = 0

        async def later(request: web.Request) -> web.StreamResponse:
            nonlocal asked
            asked += 1
            if asked == 1:
                return web.Response(status=503)
            raise web.HTTPTemporaryRedirect(server.whip_url)

        async with answering(later) as url:
            code, said = await called(url, "--timeout-s=30")

    assert code == 0, said
    assert "/whip: 503" in said


async def test_nobody_there_is_told_when_the_time_is_over() -> None:
    code, said = await called("http://127.0.0.1:9/whip", "--timeout-s=2")

    assert code == 1
    assert "no echo within 2 s" in said


async def test_a_server_that_answers_and_sends_nothing_is_no_echo() -> None:
    """It takes what is published, as RFC 9725 has it, and has nothing to say."""
    async with running_server("--echo", "false") as server:
        code, said = await called(server.whip_url, "--timeout-s=5")

    assert code == 1
    assert "no echo within 5 s" in said
