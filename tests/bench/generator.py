"""Builds and runs the load generator; tells its phases as they come."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.report import Report, read_report

SOURCE = Path(__file__).parent / "loadgen"
BINARY = SOURCE / "target" / "release" / "voicemedia-loadgen"
PHASE = "phase: "
WEBSOCKET_PATH = "/v2/ws"


class GeneratorFailed(Exception):
    """It could not be built or it ended in an error; the message is for people."""


class Medium(StrEnum):
    """How the calls of a ladder travel: by WebRTC, or over WebSockets in one of two dialects."""

    WEBRTC = "webrtc"
    RTP = "vm.v2.rtp"
    TWILIO = "twilio"


@dataclass(frozen=True, slots=True)
class Load:
    """What the generator shall do, apart from the number of sessions."""

    measure_s: float
    rate_per_s: float
    srtp_profile: str
    core: int
    is_realtime: bool
    quantum_us: int
    has_own_sockets: bool = False
    medium: Medium = Medium.WEBRTC


def build() -> None:
    """Compiles the generator from its locked sources. Raises `GeneratorFailed`."""
    try:
        built = subprocess.run(
            ["cargo", "build", "--release", "--locked", "--quiet"], cwd=SOURCE, check=False
        )
    except FileNotFoundError as failure:
        raise GeneratorFailed(
            "cargo is missing: install Rust 1.88 or later (https://rustup.rs), "
            "and libssl-dev and pkg-config for OpenSSL"
        ) from failure
    if built.returncode:
        raise GeneratorFailed("the load generator does not build; it needs libssl-dev, pkg-config")


def run_load(url: str, sessions: int, load: Load, on_phase: Callable[[str], None]) -> Report:
    """Sets up, speaks, measures, ends. `on_phase` is called as each phase begins."""
    amount = ["--sessions", str(sessions), "--seconds", str(load.measure_s)]
    return _run([*_command(url, load), *amount, "--rate", str(load.rate_per_s)], on_phase)


def run_set_ups(
    url: str, sessions: int, concurrency: int, load: Load, on_phase: Callable[[str], None]
) -> Report:
    """Opens and ends sessions as fast as the server can."""
    amount = ["--sessions", str(sessions), "--concurrency", str(concurrency)]
    return _run([*_command(url, load), "--setups-only", "--rate", "0", *amount], on_phase)


def target(url: str, medium: Medium) -> list[str]:
    """The options that say where to call; `url` is that of the server's `/whip`."""
    if medium is Medium.WEBRTC:
        return ["--url", url]
    websocket_url = url.removesuffix("/whip") + WEBSOCKET_PATH
    return ["--url", websocket_url, "--transport", "websocket", "--dialect", medium]


def on_core(core: int, is_realtime: bool) -> list[str]:
    """The start of a command that shall run on one core only, before all others if asked."""
    return ["taskset", "--cpu-list", str(core), *(["chrt", "--fifo", "1"] if is_realtime else [])]


def _command(url: str, load: Load) -> list[str]:
    return [
        *on_core(load.core, load.is_realtime),
        str(BINARY),
        *target(url, load.medium),
        *("--json", "--srtp-profile", load.srtp_profile),
        *("--quantum-us", str(load.quantum_us)),
        *(["--own-sockets"] if load.has_own_sockets else []),
    ]


def _run(command: list[str], on_phase: Callable[[str], None]) -> Report:
    """The phases come on standard error, one document on standard output at the end."""
    said = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if line.startswith(PHASE):
                    on_phase(line.removeprefix(PHASE).strip())
                else:
                    said.append(line)
            document = process.stdout.read()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise GeneratorFailed("".join(said).strip() or f"it left with {process.returncode}")
    return read_report(document)
