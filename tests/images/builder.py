"""Builds images from our Dockerfiles without a container engine, and runs what is in them.

buildah builds; bubblewrap runs the file system read-only, as the image's user, without any
capability: what `docker run --read-only` would do, less the cgroups. Where no registry can be
reached, a Debian of the same release with the same Python stands in for the base image, under its
name. The machine's certificates are lent to the build and stay out of the image.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
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
PULL_TIMEOUT_S = 30
BUILD_TIMEOUT_S = 600


class BuildFailed(Exception):
    """A tool said no; the message is what it said last."""


@dataclass(frozen=True, slots=True)
class Image:
    """One that was built. `size_bytes` counts all its layers."""

    name: str
    base: str
    config: dict[str, Any]
    size_bytes: int


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
    base, _ = found["PYTHON"]
    ensure_base(base)
    if "NODE" in found:
        ensure_node(*found["NODE"], base)
    with tempfile.TemporaryDirectory() as lent:
        mounts = lend_certificates(Path(lent)) if CERTIFICATES.exists() else []
        buildah(
            *("bud", "--layers", "--network", "host", "--format", "docker", *mounts),
            *("-f", str(ROOT / dockerfile), "-t", name, str(ROOT)),
        )
    inspected = json.loads(buildah("inspect", "--type", "image", name))
    return Image(name, base, inspected["Docker"]["config"], size_bytes(name))


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


def ensure_base(name: str) -> None:
    """Has the base image ready: from before, from its registry, or made of Debian's packages."""
    if is_ready(name):
        return
    release = name.rpartition("-")[2]
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={BASE_PACKAGES}", release, folder],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise BuildFailed("debootstrap: " + "\n".join(made.stdout.splitlines()[-5:]))
        commit("scratch", Path(folder), "/", name)


def ensure_node(name: str, version: str, base: str) -> None:
    """The same for Node: that very version, from npm, on the other base."""
    if is_ready(name):
        return
    with tempfile.TemporaryDirectory() as folder:
        wanted = [f"node@{version}", f"npm@{NPM_MAJOR}"]
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, *wanted],
            check=True,
        )
        commands = Path(folder) / "bin"
        commands.mkdir()
        modules = "/usr/local/node_modules"
        (commands / "node").symlink_to(f"{modules}/node/bin/node")
        (commands / "npm").symlink_to(f"{modules}/npm/bin/npm-cli.js")
        commit(base, Path(folder), "/usr/local", name)


def is_ready(name: str) -> bool:
    """The image is here from before, or comes from its registry."""
    with contextlib.suppress(BuildFailed):
        buildah("inspect", "--type", "image", name)
        return True
    with contextlib.suppress(BuildFailed, subprocess.TimeoutExpired):
        buildah("pull", "--quiet", name, timeout_s=PULL_TIMEOUT_S)
        return True
    return False


def commit(base: str, folder: Path, place: str, name: str) -> None:
    """An image of the base, with what is in the folder at that place."""
    container = buildah("from", base)
    buildah("add", "--quiet", container, str(folder), place)
    buildah("commit", "--quiet", "--rm", container, name)


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def size_bytes(name: str) -> int:
    """Of an image with all its layers."""
    with file_system(name) as folder:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in _files(folder))


@contextlib.contextmanager
def file_system(name: str) -> Iterator[Path]:
    """The file system of an image, for as long as the block runs."""
    container = buildah("from", name)
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("rm", container)


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
