"""Holds what is said over WebSocket v2 to the schemas that are published for other people."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import aiohttp
from jsonschema import Draft202012Validator, ValidationError

PUBLISHED = Path(__file__).parents[3] / "docs" / "websocket-v2"

Side = Literal["client", "server"]


@cache
def published_schema(side: Side, event: str) -> Draft202012Validator:
    """The schema of one message. Raises `FileNotFoundError` for an event that is not published."""
    text = (PUBLISHED / f"{side}-{event}.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


def check(side: Side, message: dict[str, Any]) -> dict[str, Any]:
    """The message, which fits its schema. Raises `jsonschema.ValidationError`."""
    published_schema(side, message["event"]).validate(message)
    return message


@dataclass
class Minutes:
    """What others said to each other: the events of each side that fitted their schemas, and what
    was wrong with the rest."""

    events: dict[Side, list[str]] = field(default_factory=lambda: {"client": [], "server": []})
    faults: list[str] = field(default_factory=list)

    def take(self, side: Side, text: str) -> None:
        """Raises nothing: who listens only must not disturb."""
        try:
            self.events[side].append(check(side, json.loads(text))["event"])
        except (ValidationError, ValueError, KeyError, OSError) as fault:
            self.faults.append(f"{side}: {fault}")


class CheckedSocket:
    """A client's socket: each message that goes or comes must fit its published schema."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, *messages: dict[str, Any]) -> None:
        """Raises `jsonschema.ValidationError` for what no client may say."""
        for message in messages:
            await self.socket.send_json(check("client", message))

    async def hear(self, within_s: float) -> dict[str, Any] | bytes | None:
        """The next message: a document, a packet, or `None` when the connection is closed."""
        message = await self.socket.receive(within_s)
        match message.type:
            case aiohttp.WSMsgType.TEXT:
                return check("server", json.loads(message.data))
            case aiohttp.WSMsgType.BINARY:
                packet: bytes = message.data
                return packet
        return None
