"""Any conversation over WebSocket is carried on or ended in order; all that we say is published.

The first byte chooses the dialect. Then each line is a message: after a tab a binary one, else
text. `~` stands for a line break inside a message.
"""

from __future__ import annotations

import json
from functools import cache

from jsonschema import Draft202012Validator

from voicemedia_server.rtp.header import parse_header
from voicemedia_server.websocket.messages import CloseCode
from voicemedia_server.websocket.protocol import (
    Action,
    Begin,
    Begun,
    Clear,
    Close,
    Conversation,
    Dialect,
    Phase,
    Relay,
    Say,
)
from voicemedia_server.websocket.schemas import schema

SSRC = 0x0C0FFEE0
MS = 1_000_000
DIALECTS = tuple(Dialect)
TWILIO_KNOWS = ("media", "mark", "clear")


@cache
def published(event: str) -> Draft202012Validator:
    return Draft202012Validator(schema("server", event))


def check(text: str) -> None:
    message = json.loads(text)
    published(message["event"]).validate(message)


def take(data: bytes) -> None:
    conversation = Conversation(DIALECTS[data[0] % 3 if data else 0], SSRC, lambda: "MZnew", MS)
    for now, line in enumerate(data[1:].split(b"\n"), 1):
        is_over = conversation.phase is Phase.ENDED
        actions = receive(conversation, line, now * MS)
        assert not (is_over and actions), "after the end nothing is done"
        for action in actions:
            hold(conversation, action, now * MS)
        if any(isinstance(action, Close) for action in actions):
            assert isinstance(actions[-1], Close)
            assert conversation.phase is Phase.ENDED


def receive(conversation: Conversation, line: bytes, now_ns: int) -> list[Action]:
    line = line.replace(b"~", b"\n")
    if line.startswith(b"\t"):
        return conversation.receive_binary(line[1:], now_ns)
    return conversation.receive_text(line.decode("utf-8", "replace"), now_ns)


def hold(conversation: Conversation, action: Action, now_ns: int) -> None:
    match action:
        case Say(text=text):
            check(text)
            is_twilios = json.loads(text)["event"] in TWILIO_KNOWS
            assert is_twilios or conversation.dialect.is_extended
        case Begin(resume_token=token):
            sid = conversation.name_stream(None)
            assert sid
            for said in conversation.begun(Begun("label", token or "token")):
                hold(conversation, said, now_ns)
        case Relay(packet=packet):
            parse_header(packet)
            check(conversation.media(conversation.frame(packet)))
            mark = conversation.mark(now_ns)
            if mark is not None:
                check(mark)
        case Clear():
            assert conversation.phase is Phase.STARTED
        case Close(code=code):
            assert code in CloseCode
