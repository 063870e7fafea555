"""Messages are read strictly, whatever their numbers look like, and never quoted back."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.websocket.messages import (
    STREAM_SID,
    Clear,
    CloseCode,
    Connected,
    Dtmf,
    EchoedMedia,
    ErrorCode,
    Mark,
    Media,
    MessageRefused,
    Ping,
    ServerMedia,
    Start,
    Stats,
    Stop,
    read_message,
    write_media,
    write_message,
)

TWILIO_SAYS: list[tuple[dict[str, Any], type]] = [
    ({"event": "connected", "protocol": "Call", "version": "1.0.0"}, Connected),
    (
        {
            "event": "start",
            "sequenceNumber": "1",
            "start": {
                "accountSid": "AC1",
                "streamSid": "MZ1",
                "callSid": "CA1",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"FirstName": "Jane"},
            },
            "streamSid": "MZ1",
        },
        Start,
    ),
    (
        {
            "event": "media",
            "sequenceNumber": "3",
            "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": "no+"},
            "streamSid": "MZ1",
        },
        Media,
    ),
    ({"event": "mark", "sequenceNumber": "4", "streamSid": "MZ1", "mark": {"name": "a"}}, Mark),
    (
        {
            "event": "dtmf",
            "streamSid": "MZ1",
            "sequenceNumber": "5",
            "dtmf": {"track": "inbound_track", "digit": "1"},
        },
        Dtmf,
    ),
    (
        {
            "event": "stop",
            "sequenceNumber": "5",
            "stop": {"accountSid": "AC1", "callSid": "CA1"},
            "streamSid": "MZ1",
        },
        Stop,
    ),
]
"""The examples of Twilio's own documentation."""


@pytest.mark.parametrize(("said", "kind"), TWILIO_SAYS, ids=lambda v: getattr(v, "__name__", ""))
def test_what_twilio_documents_is_understood(said: dict[str, Any], kind: type) -> None:
    assert isinstance(read_message(json.dumps(said)), kind)


def test_numbers_may_be_strings_or_numbers() -> None:
    as_strings = '{"event":"media","media":{"payload":"","chunk":"7","timestamp":"140"}}'
    as_numbers = '{"event":"media","media":{"payload":"","chunk":7,"timestamp":140}}'

    assert read_message(as_strings) == read_message(as_numbers)


def test_the_streams_name_may_stand_in_either_place() -> None:
    outside = read_message('{"event":"start","streamSid":"MZ1"}')
    inside = read_message('{"event":"start","start":{"streamSid":"MZ1"}}')

    assert isinstance(outside, Start)
    assert isinstance(inside, Start)
    assert outside.sid == inside.sid == "MZ1"


def test_a_start_without_a_format_is_twilios() -> None:
    start = read_message('{"event":"start","websocket_id":"x"}')

    assert isinstance(start, Start)
    assert start.start.media_format.encoding == "audio/x-mulaw"


@pytest.mark.parametrize(
    ("text", "code", "close_code"),
    [
        ("", ErrorCode.NOT_JSON, CloseCode.INVALID),
        ("{", ErrorCode.NOT_JSON, CloseCode.INVALID),
        ("[]", ErrorCode.INVALID_MESSAGE, CloseCode.INVALID),
        ("{}", ErrorCode.UNKNOWN_EVENT, CloseCode.UNSUPPORTED),
        ('{"event":"dance"}', ErrorCode.UNKNOWN_EVENT, CloseCode.UNSUPPORTED),
        ('{"event":7}', ErrorCode.UNKNOWN_EVENT, CloseCode.UNSUPPORTED),
        ('{"event":"media"}', ErrorCode.INVALID_MESSAGE, CloseCode.INVALID),
        ('{"event":"media","media":{"payload":7}}', ErrorCode.INVALID_MESSAGE, CloseCode.INVALID),
        (
            '{"event":"media","media":{"payload":"","chunk":"-1"}}',
            ErrorCode.INVALID_MESSAGE,
            CloseCode.INVALID,
        ),
        (
            '{"event":"start","streamSid":"a\\" b"}',
            ErrorCode.INVALID_MESSAGE,
            CloseCode.INVALID,
        ),
    ],
)
def test_what_cannot_be_taken_is_named(text: str, code: ErrorCode, close_code: CloseCode) -> None:
    with pytest.raises(MessageRefused) as refused:
        read_message(text)

    assert (refused.value.code, refused.value.close_code) == (code, close_code)


def test_a_refusal_names_the_member_and_keeps_its_value_to_itself() -> None:
    with pytest.raises(MessageRefused, match=r"media\.chunk") as refused:
        read_message('{"event":"media","media":{"payload":"","chunk":"secret"}}')

    assert "secret" not in refused.value.detail


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(MessageRefused):
        read_message(text)


def test_a_clear_is_read_as_twilio_writes_it() -> None:
    assert isinstance(read_message('{"event":"clear","streamSid":"MZ1"}'), Clear)


def test_extensions_are_read() -> None:
    assert read_message('{"event":"ping","t":5}') == Ping(event="ping", t=5)
    stats = read_message('{"event":"stats","jitterMs":1.5,"lost":2}')
    assert isinstance(stats, Stats)
    assert (stats.jitter_ms, stats.lost, stats.rtt_ms) == (1.5, 2, None)


def test_what_is_not_known_is_left_out_when_written() -> None:
    message = ServerMedia(stream_sid="MZ1", media=EchoedMedia(payload="AQ=="))

    assert json.loads(write_message(message)) == {
        "event": "media",
        "streamSid": "MZ1",
        "media": {"payload": "AQ=="},
    }


SIDS = st.from_regex(STREAM_SID, fullmatch=True)
COUNTS = st.integers(0, (1 << 53) - 1)


@given(SIDS, st.binary(max_size=400), COUNTS, COUNTS)
def test_audio_is_written_without_the_model_as_with_it(
    sid: str, audio: bytes, chunk: int, timestamp: int
) -> None:
    payload = base64.b64encode(audio).decode()
    plain = EchoedMedia(payload=payload)
    numbered = EchoedMedia(payload=payload, chunk=chunk, timestamp=timestamp, track="outbound")

    assert write_media(sid, payload) == write_message(ServerMedia(stream_sid=sid, media=plain))
    assert write_media(sid, payload, chunk, timestamp) == write_message(
        ServerMedia(stream_sid=sid, media=numbered)
    )
