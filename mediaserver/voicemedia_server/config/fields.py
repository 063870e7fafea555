"""How a setting is written down: its heading, default, meaning and bounds.

A module for each topic declares its settings so; `settings` makes one model of them.
"""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import Any

DAY_S = 86400


class Group(StrEnum):
    """The headings under which settings are explained."""

    LISTENERS = "Listeners"
    ADDRESSES = "Addresses that clients are told"
    CAPACITY = "Capacity and life of a session"
    FLEET = "Fleet"
    LEAVING = "Leaving"
    WHIP = "WHIP and WebSocket v2"
    ROUTING = "Which transport: flags"
    ACCESS = "Access"
    RATES = "Rate limits, for each client"
    MACHINE = "Machine"
    LOGS = "Logs"


def option(group: Group, default: Any, description: str, **bounds: float | bool) -> Any:
    """A field. `bounds`: `ge`, `gt`, `le`; `is_secret` keeps it off the command line and output."""
    is_secret = bool(bounds.pop("is_secret", False))
    metadata = {"group": group, "description": description, "is_secret": is_secret, **bounds}
    return dataclasses.field(default=default, metadata=metadata, repr=not is_secret)
