"""The operator's image is built from this checkout and does what it says."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from apiserver.documents import resource
from apiserver.operators import free_port, kubeconfig_for
from apiserver.twin import running_api_server
from images.builder import Image, build, file_system, inside, size_bytes
from voicemedia_operator.cluster.kinds import POD

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

MAX_OVER_BASE_BYTES = 200_000_000
READY_TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def image() -> Image:
    """Built once; layers that did not change come from the last build."""
    return build("Dockerfile.operator", "voicemedia-operator")


@pytest.fixture(scope="module")
def folder(image: Image) -> Iterator[Path]:
    """Its file system."""
    with file_system(image.name) as mounted:
        yield mounted


def said(image: Image, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        inside(folder, image, command), capture_output=True, text=True, timeout=60, check=False
    )


async def test_it_runs_a_fleet_from_a_file_system_that_cannot_be_written(
    image: Image, folder: Path, tmp_path: Path
) -> None:
    async with running_api_server() as server:
        kubeconfig = kubeconfig_for(f"http://127.0.0.1:{server.port}", tmp_path / "kubeconfig")
        http = f"127.0.0.1:{free_port()}"
        command = inside(
            folder,
            image,
            image.config["Entrypoint"],
            KUBECONFIG="/dev/kubeconfig",
            VOICEMEDIA_OPERATOR_HTTP=http,
        )
        place = command.index("--proc")
        command[place:place] = ["--ro-bind", str(kubeconfig), "/dev/kubeconfig"]
        process = await asyncio.create_subprocess_exec(*command)
        try:
            await server.put(resource("voice"))
            await server.until(lambda: server.objects(POD), READY_TIMEOUT_S)
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://{http}/livez") as alive,
            ):
                assert alive.status == 200
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def test_it_runs_as_a_user_with_a_number_and_writes_nowhere(image: Image, folder: Path) -> None:
    assert image.config["User"] == "65532:65532"
    for path in ("/", "/opt/voicemedia", "/var", "/home"):
        assert said(image, folder, "touch", f"{path}/x").returncode != 0


@pytest.mark.parametrize("tool", ["pip", "uv", "gcc", "cc", "make", "git", "curl"])
def test_nothing_that_builds_or_fetches_is_left_in_it(
    image: Image, folder: Path, tool: str
) -> None:
    assert said(image, folder, "sh", "-c", f"command -v {tool}").returncode != 0
    assert not (folder / "source").exists()


def test_it_holds_what_the_lock_names_for_the_operator_and_nothing_else(
    image: Image, folder: Path
) -> None:
    listed = said(
        image,
        folder,
        *("python", "-c"),
        "from importlib.metadata import distributions as d; print(*{x.name for x in d()})",
    ).stdout.split()

    assert {"voicemedia", "kopf", "kubernetes"} <= set(listed)
    assert not {"pytest", "mypy", "aiortc", "av", "uv"} & set(listed)


def test_it_is_small(image: Image) -> None:
    over_base = size_bytes(image.name) - size_bytes(image.base)

    print(f"{over_base / 1e6:.0f} MB over the base of {size_bytes(image.base) / 1e6:.0f} MB")
    assert over_base < MAX_OVER_BASE_BYTES
