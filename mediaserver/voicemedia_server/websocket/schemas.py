"""The messages for other people's tools: a JSON Schema of each, and an AsyncAPI document.

`python -m voicemedia_server.websocket.schemas` writes them into docs/websocket-v2/ of the current
directory; a test compares them with what this makes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from voicemedia_server.websocket import messages
from voicemedia_server.websocket.messages import MAX_MESSAGE_BYTES, Wire
from voicemedia_server.websocket.protocol import Dialect

FOLDER = Path("docs/websocket-v2")
DRAFT = "https://json-schema.org/draft/2020-12/schema"
FROM_CLIENT: dict[str, type[Wire]] = {
    "connected": messages.Connected,
    "start": messages.Start,
    "media": messages.Media,
    "mark": messages.Mark,
    "clear": messages.Clear,
    "dtmf": messages.Dtmf,
    "stop": messages.Stop,
    "ping": messages.Ping,
    "pong": messages.Pong,
    "stats": messages.Stats,
}
FROM_SERVER: dict[str, type[Wire]] = {
    "media": messages.ServerMedia,
    "mark": messages.ServerMark,
    "clear": messages.ServerClear,
    "started": messages.Started,
    "ping": messages.Ping,
    "pong": messages.Pong,
    "reconnect": messages.Reconnect,
    "error": messages.Error,
}
EXTENSIONS = ("ping", "pong", "stats", "started", "reconnect", "error")
SAYS = {"client": FROM_CLIENT, "server": FROM_SERVER}


def schema(side: str, event: str) -> dict[str, Any]:
    """The JSON Schema of one message. What clients may send as strings may be strings here."""
    mode = "validation" if side == "client" else "serialization"
    made: dict[str, Any] = SAYS[side][event].model_json_schema(by_alias=True, mode=mode)  # type: ignore[arg-type]  # one of the two literals
    made = _with_numeric_strings(made) if side == "client" else _with_members_left_out(made)
    return {"$schema": DRAFT, **made}


def _with_numeric_strings(part: Any) -> Any:
    """Integers that Twilio sends as strings."""
    if isinstance(part, list):
        return [_with_numeric_strings(each) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("type") == "integer":
        digits = {"type": "string", "pattern": r"^\d+$"}
        kept = {k: v for k, v in part.items() if k not in ("title", "default")}
        outer = {k: v for k, v in part.items() if k in ("title", "default")}
        return {"anyOf": [kept, digits], **outer}
    return {key: _with_numeric_strings(value) for key, value in part.items()}


def _with_members_left_out(part: Any) -> Any:
    """What is null is not sent at all."""
    if isinstance(part, list):
        return [_with_members_left_out(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {key: _with_members_left_out(value) for key, value in part.items()}
    if isinstance(properties := part.get("properties"), dict) and "required" in part:
        nullable = [n for n, p in properties.items() if p.get("default", ...) is None]
        found["required"] = [name for name in part["required"] if name not in nullable]
        found["additionalProperties"] = False
    return found


def async_api() -> dict[str, Any]:
    """AsyncAPI 3 of the endpoint; messages point to their schemas."""
    named = {
        f"{side}-{event}": {
            "name": event,
            "summary": _first_line(kind),
            "contentType": "application/json",
            "payload": {"$ref": f"{side}-{event}.schema.json"},
        }
        for side, events in SAYS.items()
        for event, kind in events.items()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "voicemedia WebSocket v2",
            "version": "2.0.0",
            "description": "Twilio's Media Streams, and under a vm.* subprotocol a superset of it. "
            "See ../websocket-v2.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "call": {
                "address": "/v2/ws",
                "title": f"Subprotocols: {', '.join(Dialect)}",
                "description": f"Messages of at most {MAX_MESSAGE_BYTES} bytes. Under "
                f"{Dialect.RTP} audio goes as binary messages, one RTP packet each.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in named},
                "bindings": {
                    "ws": {
                        "method": "GET",
                        "query": {
                            "type": "object",
                            "properties": {
                                "token": {"type": "string"},
                                "session": {"type": "string"},
                            },
                        },
                        "bindingVersion": "0.1.0",
                    }
                },
            }
        },
        "operations": {
            "fromClient": _operation("receive", "client"),
            "fromServer": _operation("send", "server"),
        },
        "components": {"messages": named},
    }


def _operation(action: str, side: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/call"},
        "messages": [{"$ref": f"#/channels/call/messages/{side}-{e}"} for e in SAYS[side]],
    }


def _first_line(kind: type[Wire]) -> str:
    assert kind.__doc__, "every message says what it is"
    return kind.__doc__.splitlines()[0]


def documents() -> dict[str, str]:
    """All files, by their names."""
    made = {
        f"{side}-{event}.schema.json": schema(side, event)
        for side, events in SAYS.items()
        for event in events
    }
    made["asyncapi.json"] = async_api()
    return {name: json.dumps(document, indent=2) + "\n" for name, document in made.items()}


def main() -> None:
    """Writes them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
