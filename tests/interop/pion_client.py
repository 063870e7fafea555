"""Builds and runs the Pion client (tests/interop/pion): numbered packets out, numbered back."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parent / "pion"
BINARY = Path(__file__).parents[1] / "output" / "pion-client"


@dataclass(frozen=True, slots=True)
class PionReport:
    """What the client saw. `received` are the counters of packets, in order of arrival."""

    sent: int
    received: list[int]
    payload_mismatches: int
    sequence_breaks: int
    timestamp_breaks: int
    marker_mismatches: int
    same_ssrc: bool
    protocol: str
    received_after_restart: int
    deleted: int


def build() -> Path:
    """Compiles the client; the module's versions are locked in go.sum."""
    BINARY.parent.mkdir(exist_ok=True)
    command = ["go", "build", "-mod=readonly", "-o", str(BINARY), "."]
    built = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return BINARY


async def start(whip_url: str, *options: str) -> asyncio.subprocess.Process:
    """A running client."""
    return await asyncio.create_subprocess_exec(
        *(str(BINARY), "-url", whip_url, *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def finish(process: asyncio.subprocess.Process, timeout_s: float = 60) -> PionReport:
    """Waits for the client and reads its report."""
    out, errors = await asyncio.wait_for(process.communicate(), timeout_s)
    assert process.returncode == 0, errors.decode()
    document = json.loads(out)
    return PionReport(**{**document, "received": document["received"] or []})


async def call(whip_url: str, *options: str) -> PionReport:
    """One whole call."""
    return await finish(await start(whip_url, *options))
