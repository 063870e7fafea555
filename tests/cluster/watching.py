"""Reads what `kubectl get --watch --output-watch-events -o json` writes, as it comes. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Document = dict[str, Any]
"""A Kubernetes object as JSON has it."""


class Change(StrEnum):
    """What became of an object, as the API server's watch says it."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Event:
    """A change, and the object after it."""

    change: Change
    document: Document


@dataclass(slots=True)
class EventReader:
    """Cuts a stream of JSON documents into events, wherever the pieces begin and end."""

    _decoder: json.JSONDecoder = field(default_factory=json.JSONDecoder)
    _rest: str = ""

    def feed(self, text: str) -> list[Event]:
        """The events that are now whole."""
        self._rest += text
        events: list[Event] = []
        while self._rest.rstrip().endswith("}"):
            self._rest = self._rest.lstrip()
            try:
                found, end = self._decoder.raw_decode(self._rest)
            except json.JSONDecodeError:
                break
            events.append(Event(Change(found["type"]), found["object"]))
            self._rest = self._rest[end:]
        return events
