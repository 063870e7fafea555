"""What README.md tells people to type does what it says."""

from __future__ import annotations

import asyncio
import re
import shlex
from pathlib import Path

import pytest

from interop.server_process import ServerProcess

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
CURL = re.compile(r"^curl .*$", re.MULTILINE)


async def run_curl(line: str) -> str:
    """The status line and header fields that it shows."""
    process = await asyncio.create_subprocess_exec(
        *shlex.split(line, comments=True), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    return out.decode()


async def test_the_two_curl_lines_open_a_session_and_end_it(server: ServerProcess) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    post, delete = (
        line.replace("http://127.0.0.1:8080", server.base_url) for line in CURL.findall(readme)
    )

    opened = await run_curl(post)
    location = re.search(r"^Location: (\S+)", opened, re.MULTILINE)
    assert location is not None
    ended = await run_curl(delete.replace("/whip/sessions/ID", location[1]))

    assert opened.startswith("HTTP/1.1 201")
    assert "a=setup:passive" in opened
    assert ended.startswith("HTTP/1.1 200")
