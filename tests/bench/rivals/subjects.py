"""How each rival is built and started."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bench.server import ServerFailed, Subject

SOURCES = Path(__file__).parent


def janus() -> Subject:
    """Debian's Janus, its echo test, behind a door that speaks WHIP. Raises `ServerFailed`."""
    if shutil.which("janus") is None:
        raise ServerFailed("janus is missing (Debian: apt-get install janus)")
    return Subject("Janus", (sys.executable, "-m", "bench.rivals.janus"))


def pion() -> Subject:
    """Builds Pion's echo. One running thread: it has one core, as the others. Raises
    `ServerFailed`.
    """
    source = SOURCES / "pion"
    binary = source / "target" / "pion"
    command = ["go", "build", "-mod=readonly", "-o", str(binary), "."]
    try:
        built = subprocess.run(command, cwd=source, check=False)
    except FileNotFoundError as failure:
        raise ServerFailed("go is missing: Pion needs it") from failure
    if built.returncode:
        raise ServerFailed("Pion's echo does not build")
    return Subject("Pion", (str(binary),), {"GOMAXPROCS": "1"})


RIVALS = {"pion": pion, "janus": janus}
