"""Builds images from our Dockerfiles without a container engine, and runs what is in them.

buildah builds; bubblewrap runs the file system read-only, as the image's user, without any
capability: what `docker run --read-only` would do, less the cgroups. Where no registry can be
reached, a Debian of the same release with the same Python stands in for the base image, under a
name of ours. The machine's certificates are lent to the build and stay out of the image.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
BASE_PACKAGES = "python3,python3-venv,ca-certificates"
BASES = re.compile(r"^ARG (PYTHON|NODE)_IMAGE=(\S+:([\d.]+)\S*)$", re.MULTILINE)
ENVIRONMENT = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
NPM_MAJOR = 10
CONTAINER = "voicemedia-test-"
PULL_TIMEOUT_S = 30
BUILD_TIMEOUT_S = 600


class BuildFailed(Exception):
    """A tool said no; the message is what it said last."""


@dataclass(frozen=True, slots=True)
class Image:
    """One that was built. `id` names its content."""

    name: str
    id: str
    base: str
    config: dict[str, Any]


def buildah(*arguments: str, timeout_s: float = BUILD_TIMEOUT_S) -> str:
    """Its standard output. Raises `BuildFailed`."""
    done = subprocess.run(
        ["buildah", *arguments],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        raise BuildFailed(f"buildah {arguments[0]}: " + "\n".join(done.stderr.splitlines()[-8:]))
    return done.stdout.strip()


def build(dockerfile: str, name: str) -> Image:
    """Builds the image from this checkout."""
    found = {kind: (name, version) for kind, name, version in BASES.findall(_text(dockerfile))}
    forget_containers()
    base = base_for(found["PYTHON"][0])
    bases = {"PYTHON_IMAGE": base}
    if "NODE" in found:
        bases["NODE_IMAGE"] = node_for(*found["NODE"], base)
    with tempfile.TemporaryDirectory() as lent:
        mounts = lend_certificates(Path(lent)) if CERTIFICATES.exists() else []
        buildah(
            *("bud", "--layers", "--network", "host", "--format", "docker", *mounts),
            *(word for kind, image in bases.items() for word in ("--build-arg", f"{kind}={image}")),
            *("-f", str(ROOT / dockerfile), "-t", name, str(ROOT)),
        )
    inspected = json.loads(buildah("inspect", "--type", "image", name))
    return Image(name, inspected["FromImageID"], base, inspected["Docker"]["config"])


def build_from_scratch(dockerfile: Path, context: Path, name: str) -> str:
    """An image that has no base: what is in the context, as the Dockerfile says. Gives its id."""
    words = ("--quiet", "--format", "docker", "-f", str(dockerfile), "-t", name, str(context))
    return buildah("bud", *words).splitlines()[-1]


def export(image_id: str, reference: str, archive: Path) -> None:
    """Writes the image as a docker-archive, in which it is called `reference` and nothing else."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)  # buildah adds to an archive that is there
    buildah("push", "--quiet", image_id, f"docker-archive:{unfinished}:{reference}")
    unfinished.rename(archive)


def lend_certificates(folder: Path) -> list[str]:
    """Mounts for the build, so that pip, uv and npm trust whom this machine trusts."""
    (folder / "pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
    (folder / "uv.toml").write_text("system-certs = true\n")
    (folder / "npmrc").write_text(f"cafile={CERTIFICATES}\n")
    lent = {
        CERTIFICATES: CERTIFICATES,
        folder / "pip.conf": Path("/etc/pip.conf"),
        folder / "uv.toml": Path("/etc/uv/uv.toml"),
        folder / "npmrc": Path("/root/.npmrc"),
    }
    return [word for here, there in lent.items() for word in ("-v", f"{here}:{there}:ro")]


def base_for(name: str) -> str:
    """The base image itself where its registry can be reached, else one of Debian's packages."""
    if is_ready(name, is_public=True):
        return name
    release = name.rpartition("-")[2]
    stand_in = f"localhost/voicemedia-stand-in-python:{release}"
    if is_ready(stand_in):
        return stand_in
    with tempfile.TemporaryDirectory() as folder:
        run(
            *("debootstrap", "--variant=minbase", f"--include={BASE_PACKAGES}", release, folder),
        )
        commit("scratch", Path(folder), "/", stand_in)
    return stand_in


def node_for(name: str, version: str, base: str) -> str:
    """The same for Node: that very version, from npm, on the other base."""
    if is_ready(name, is_public=True):
        return name
    stand_in = f"localhost/voicemedia-stand-in-node:{version}"
    if is_ready(stand_in):
        return stand_in
    with tempfile.TemporaryDirectory() as folder:
        wanted = [f"node@{version}", f"npm@{NPM_MAJOR}"]
        run("npm", "install", "--no-audit", "--no-fund", "--prefix", folder, *wanted)
        commands = Path(folder) / "bin"
        commands.mkdir()
        modules = "/usr/local/node_modules"
        (commands / "node").symlink_to(f"{modules}/node/bin/node")
        (commands / "npm").symlink_to(f"{modules}/npm/bin/npm-cli.js")
        commit(base, Path(folder), "/usr/local", stand_in)
    return stand_in


def is_ready(name: str, *, is_public: bool = False) -> bool:
    """The image is here from before, or comes from its registry."""
    with contextlib.suppress(BuildFailed):
        buildah("inspect", "--type", "image", name)
        return True
    if is_public:
        with contextlib.suppress(BuildFailed, subprocess.TimeoutExpired):
            buildah("pull", "--quiet", name, timeout_s=PULL_TIMEOUT_S)
            return True
    return False


def run(*command: str) -> None:
    """Raises `BuildFailed` with what the command said last."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        told = [*done.stdout.splitlines()[-5:], *done.stderr.splitlines()[-5:]]
        raise BuildFailed(f"{command[0]}: " + "\n".join(told))


def forget_containers() -> None:
    """Removes working containers of ours that a crash left behind."""
    for container in buildah("containers", "--format", "{{.ContainerName}}").split():
        owner = container.removeprefix(CONTAINER)
        if owner != container and not Path(f"/proc/{owner.partition('-')[0]}").exists():
            buildah("rm", container)


@contextlib.contextmanager
def working_container(image: str) -> Iterator[str]:
    """A container of the image, removed at the end; its name tells whose it is."""
    container = f"{CONTAINER}{os.getpid()}-{secrets.token_hex(4)}"
    buildah("from", "--name", container, image)
    try:
        yield container
    finally:
        buildah("rm", container)


def commit(base: str, folder: Path, place: str, name: str) -> None:
    """An image of the base, with what is in the folder at that place."""
    with working_container(base) as container:
        buildah("add", "--quiet", container, str(folder), place)
        buildah("commit", "--quiet", container, name)


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def size_bytes(name: str) -> int:
    """Of an image with all its layers."""
    with file_system(name) as folder:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in _files(folder))


@contextlib.contextmanager
def file_system(name: str) -> Iterator[Path]:
    """The file system of an image, for as long as the block runs."""
    with working_container(name) as container:
        yield Path(buildah("mount", container))


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            else:
                yield entry


def inside(folder: Path, image: Image, command: Sequence[str], **environment: str) -> list[str]:
    """The command that runs something in the image: read-only, as its user, with nothing of ours
    but the network. It is process 1, as it would be in a container."""
    user, _, group = image.config["User"].partition(":")
    variables = dict(pair.split("=", 1) for pair in image.config["Env"]) | environment
    return [
        *("bwrap", "--ro-bind", str(folder), "/", "--dev", "/dev", "--proc", "/proc"),
        *("--unshare-user", "--uid", user, "--gid", group, "--unshare-ipc", "--unshare-pid"),
        *("--as-pid-1", "--die-with-parent", "--cap-drop", "ALL", "--clearenv"),
        *(word for name, value in variables.items() for word in ("--setenv", name, value)),
        *("--chdir", image.config["WorkingDir"], *command),
    ]
