"""Other people's servers, doing the same work, for the same table."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.server import ServerFailed, Subject

SOURCES = Path(__file__).parent / "rivals"


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
