"""Settings of what the server asks of its machine, and of its log."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from voicemedia_server.config.fields import Group, option
from voicemedia_server.config.values import (
    Number,
    Whole,
)


@dataclass(frozen=True)
class MachineSettings:
    """Machine and log."""

    coalesce_ms: Number = option(
        Group.MACHINE,
        0.0,
        "Wait before each read of the media port, so that packets come in batches: 1 halves the "
        "CPU of a few hundred sessions for about 0.6 ms of delay. 0 reads at once.",
        ge=0,
        le=10,
    )
    receive_buffer_bytes: Whole = option(
        Group.MACHINE,
        8 * 1024 * 1024,
        "Kernel buffers of the media port: a second of a thousand sessions. The kernel may cap it "
        "(net.core.rmem_max); the log says so at the start.",
        ge=65536,
        le=1 << 30,
    )

    log_format: Literal["auto", "json", "text"] = option(
        Group.LOGS, "auto", "auto is text on a terminal and JSON elsewhere."
    )
    log_level: Literal["debug", "info", "warning", "error"] = option(
        Group.LOGS, "info", "The least that is logged: info is one line for each step of a session."
    )
