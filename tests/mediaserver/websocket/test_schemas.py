"""The published schemas are those of the code, and every message that is said fits its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from mediaserver.websocket.test_messages import TWILIO_SAYS
from voicemedia_server.websocket.messages import (
    EchoedMedia,
    Error,
    ErrorCode,
    MarkDetails,
    MediaFormat,
    Ping,
    Pong,
    Reconnect,
    ServerClear,
    ServerMark,
    ServerMedia,
    ServerMessage,
    SessionDetails,
    Started,
    write_message,
)
from voicemedia_server.websocket.schemas import FOLDER, SAYS, async_api, documents, schema

ROOT = Path(__file__).parents[3]
MESSAGES = [(side, event) for side, events in SAYS.items() for event in events]
WE_SAY: list[ServerMessage] = [
    ServerMedia(stream_sid="MZ1", media=EchoedMedia(payload="AQ==")),
    ServerMedia(
        stream_sid="MZ1",
        media=EchoedMedia(payload="AQ==", chunk=1, timestamp=20, track="outbound"),
    ),
    ServerMark(stream_sid="MZ1", mark=MarkDetails(name="m")),
    ServerClear(stream_sid="MZ1"),
    Started(
        stream_sid="MZ1",
        session=SessionDetails(
            id="label", resume_token="t", media_format=MediaFormat(), max_frame_ms=60
        ),
    ),
    Reconnect(
        reason="draining",
        after=datetime(2026, 11, 25, tzinfo=UTC),
        within_ms=5000,
        resume_token="t",
    ),
    Error(code=ErrorCode.NOT_JSON, message="The message is not JSON."),
    Ping(event="ping", t=1),
    Pong(event="pong", t=1, s=2),
]


@pytest.mark.parametrize("name", sorted(documents()))
def test_a_published_document_is_what_the_code_says(name: str) -> None:
    published = (ROOT / FOLDER / name).read_text(encoding="utf-8")

    assert published == documents()[name], "python -m voicemedia_server.websocket.schemas"


def test_nothing_else_is_published() -> None:
    assert {path.name for path in (ROOT / FOLDER).iterdir()} == set(documents())


@pytest.mark.parametrize(("side", "event"), MESSAGES)
def test_a_schema_is_one(side: str, event: str) -> None:
    Draft202012Validator.check_schema(schema(side, event))


@pytest.mark.parametrize("message", [said for said, _ in TWILIO_SAYS], ids=lambda m: m["event"])
def test_what_twilio_says_fits(message: dict[str, Any]) -> None:
    Draft202012Validator(schema("client", message["event"])).validate(message)


@pytest.mark.parametrize("message", WE_SAY, ids=lambda m: m.event)
def test_what_we_say_fits(message: ServerMessage) -> None:
    document = json.loads(write_message(message))

    Draft202012Validator(schema("server", document["event"])).validate(document)


def test_every_message_of_ours_is_among_them() -> None:
    assert {message.event for message in WE_SAY} == set(SAYS["server"])


def test_a_member_that_nobody_declared_does_not_fit_what_we_say() -> None:
    document = json.loads(write_message(WE_SAY[0])) | {"extra": 1}

    with pytest.raises(ValidationError):
        Draft202012Validator(schema("server", "media")).validate(document)


def test_the_api_document_names_every_message_once() -> None:
    messages = async_api()["components"]["messages"]

    assert len(messages) == len(MESSAGES)
    assert {m["payload"]["$ref"] for m in messages.values()} <= set(documents())


def references(part: Any) -> Iterator[str]:
    """All that a document points to."""
    if isinstance(part, list):
        for each in part:
            yield from references(each)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)


@pytest.mark.parametrize("name", sorted(documents()))
def test_every_reference_of_a_published_document_leads_somewhere(name: str) -> None:
    for reference in references(json.loads(documents()[name])):
        file, _, pointer = reference.partition("#")
        target = json.loads(documents()[file or name])
        for step in pointer.split("/")[1:]:
            target = target[step]
