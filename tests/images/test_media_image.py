"""The media image is built from this checkout and does what it says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import yaml

from images.builder import ROOT, Image, build, file_system, inside, size_bytes
from voicemedia_server.config.settings import options

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

OFFER = ROOT / "tests" / "mediaserver" / "webrtc" / "offers" / "chromium_156.sdp"
MAX_OVER_BASE_BYTES = 200_000_000
DOORS = {
    "VOICEMEDIA_HTTP": "127.0.0.1:0",
    "VOICEMEDIA_UDP": "127.0.0.1:0",
    "VOICEMEDIA_ADMIN": "",
}
URL = re.compile(r"WHIP\s+(http://\S+)")


@pytest.fixture(scope="module")
def image() -> Image:
    """Built once; layers that did not change come from the last build."""
    return build("Dockerfile.media", "voicemedia-media")


@pytest.fixture(scope="module")
def folder(image: Image) -> Iterator[Path]:
    """Its file system."""
    with file_system(image.name) as mounted:
        yield mounted


@dataclass(frozen=True, slots=True)
class Running:
    """The server inside. `pid` is its own, seen from outside."""

    process: asyncio.subprocess.Process
    url: str
    pid: int


@contextlib.asynccontextmanager
async def running(image: Image, folder: Path) -> AsyncIterator[Running]:
    """The image's own entry point, until the block ends."""
    reading, writing = os.pipe()
    command = inside(folder, image, image.config["Entrypoint"], **DOORS)
    command[1:1] = ["--info-fd", str(writing)]
    process = await asyncio.create_subprocess_exec(
        *command, pass_fds=[writing], stdout=asyncio.subprocess.PIPE
    )
    os.close(writing)
    with os.fdopen(reading) as info:
        pid = json.load(info)["child-pid"]
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            while (found := URL.search((await process.stdout.readline()).decode())) is None:
                assert not process.stdout.at_eof(), "it ended before it was ready"
        yield Running(process, found[1], pid)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_it_serves_calls_from_a_file_system_that_cannot_be_written(
    image: Image, folder: Path
) -> None:
    async with running(image, folder) as server, aiohttp.ClientSession() as http:
        async with http.get(server.url.replace("/whip", "/readyz")) as ready:
            assert ready.status == 200
        async with http.get(server.url.replace("/whip", "/")) as page:
            assert "assets/" in await page.text(), "the built page, not the plain one"
        headers = {"Content-Type": "application/sdp"}
        async with http.post(server.url, data=OFFER.read_bytes(), headers=headers) as answered:
            assert answered.status == 201
            location = answered.headers["Location"]
        async with http.delete(server.url.replace("/whip", location)) as ended:
            assert ended.status == 200

        os.kill(server.pid, signal.SIGTERM)
        assert await asyncio.wait_for(server.process.wait(), 20) == 0


def said(image: Image, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        inside(folder, image, command), capture_output=True, text=True, timeout=60, check=False
    )


def test_it_runs_as_a_user_with_a_number_and_writes_nowhere(image: Image, folder: Path) -> None:
    assert image.config["User"] == "65532:65532"
    assert said(image, folder, "id", "-u").stdout.strip() == "65532"
    for path in ("/", "/opt/voicemedia", "/var", "/home"):
        assert said(image, folder, "touch", f"{path}/x").returncode != 0


@pytest.mark.parametrize("tool", ["pip", "uv", "gcc", "cc", "make", "git", "curl", "node", "npm"])
def test_nothing_that_builds_or_fetches_is_left_in_it(
    image: Image, folder: Path, tool: str
) -> None:
    assert said(image, folder, "sh", "-c", f"command -v {tool}").returncode != 0
    for module in ("pip", "ensurepip"):
        assert said(image, folder, "python", "-m", module, "--version").returncode != 0


def test_nothing_of_the_machine_that_built_it_is_left_in_it(folder: Path) -> None:
    """Where something was lent to the build an empty file may stay: its place."""
    for place in ("etc/pip.conf", "etc/uv/uv.toml", "root/.npmrc"):
        assert not (folder / place).exists() or (folder / place).read_text() == ""
    assert not (folder / "source").exists()


def test_it_holds_what_the_lock_names_for_the_server_and_nothing_for_developers(
    image: Image, folder: Path
) -> None:
    listed = said(
        image,
        folder,
        *("python", "-c"),
        "from importlib.metadata import distributions as d; print(*{x.name for x in d()})",
    ).stdout.split()

    assert {"voicemedia", "aiohttp", "aiortc"} <= set(listed)
    assert not {"pytest", "mypy", "playwright", "numpy", "uv"} & set(listed)


def test_it_is_small(image: Image) -> None:
    over_base = size_bytes(image.name) - size_bytes(image.base)

    print(f"{over_base / 1e6:.0f} MB over the base of {size_bytes(image.base) / 1e6:.0f} MB")
    assert over_base < MAX_OVER_BASE_BYTES


def environment_of(name: str) -> set[str]:
    """The variables of ours that a file names."""
    return set(re.findall(r"\bVOICEMEDIA_[A-Z0-9_]+", (ROOT / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["Dockerfile.media", "compose.yaml"])
def test_every_variable_that_is_set_is_a_setting(name: str) -> None:
    settings = {f"VOICEMEDIA_{option.name.upper()}" for option in options()}

    assert environment_of(name) <= settings


def test_compose_runs_it_as_it_is_meant_to_run() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    media = compose["services"]["media"]

    assert (ROOT / media["build"]["dockerfile"]).exists()
    assert media["read_only"]
    assert media["cap_drop"] == ["ALL"]
    assert "127.0.0.1:8080:8080" in media["ports"]
    assert {"3478:3478/udp", "3478:3478/tcp"} <= set(media["ports"])
