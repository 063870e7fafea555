"""What may be said when, and what comes of it, in each dialect."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mediaserver.websocket.checked import check
from voicemedia_rollout.document import Variant
from voicemedia_server.ports import ListenerReception
from voicemedia_server.rtp.header import build_packet, parse_header
from voicemedia_server.websocket.formats import L16, MULAW, OPUS, AudioFormat
from voicemedia_server.websocket.messages import CloseCode, ErrorCode
from voicemedia_server.websocket.protocol import (
    MESSAGES,
    Action,
    Begin,
    Begun,
    Clear,
    Close,
    Conversation,
    Dialect,
    Move,
    Note,
    Phase,
    Relay,
    Say,
    choose_dialect,
)

SSRC = 0x0C0FFEE0
NOW_NS = 5_000_000_000
MARK_NS = 5_000_000_000
START = {"event": "start", "streamSid": "MZ1"}
BEGUN = Begun("label", "token")
MOVE = Move("draining", datetime(2026, 11, 25, 7, tzinfo=UTC), 5, "token")
EXTENDED = [Dialect.JSON, Dialect.RTP]


class Client:
    """One side of a conversation; `actions` is what came of the last message."""

    def __init__(self, dialect: Dialect = Dialect.TWILIO) -> None:
        self.conversation = Conversation(dialect, SSRC, lambda: "MZnew", MARK_NS)
        self.actions: list[Action] = []

    def say(self, message: dict[str, Any], now_ns: int = NOW_NS) -> list[Action]:
        check("client", message)
        return self.blurt(message, now_ns)

    def blurt(self, message: dict[str, Any], now_ns: int = NOW_NS) -> list[Action]:
        """Also what does not fit the schema."""
        self.actions = self.conversation.receive_text(json.dumps(message), now_ns)
        return self.actions

    def start(self, form: AudioFormat = MULAW) -> Client:
        wanted = {"encoding": form.name, "sampleRate": form.clock_hz}
        self.say({**START, "start": {"mediaFormat": wanted}})
        self.conversation.name_stream(None)
        return self

    def speak(self, payload: bytes = bytes(160), **numbers: int) -> list[Action]:
        encoded = base64.b64encode(payload).decode()
        return self.say({"event": "media", "media": {"payload": encoded, **numbers}})

    @property
    def error(self) -> dict[str, Any]:
        """The message that said what was wrong."""
        (said, _) = self.actions
        assert isinstance(said, Say)
        return check("server", json.loads(said.text))

    @property
    def close(self) -> Close:
        ending = self.actions[-1]
        assert isinstance(ending, Close)
        return ending


def said(actions: list[Action]) -> list[dict[str, Any]]:
    return [
        check("server", json.loads(action.text)) for action in actions if isinstance(action, Say)
    ]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([], Dialect.TWILIO),
        (["twilio"], Dialect.TWILIO),
        (["vm.v2.rtp", "vm.v2.json"], Dialect.RTP),
        (["other", "vm.v2.json"], Dialect.JSON),
        (["other"], Dialect.TWILIO),
    ],
)
def test_the_first_subprotocol_that_is_known_is_spoken(offered: list[str], chosen: Dialect) -> None:
    assert choose_dialect(offered) is chosen


@pytest.mark.parametrize("dialect", Dialect)
def test_a_start_asks_for_a_session_of_its_form(dialect: Dialect) -> None:
    client = Client(dialect)
    client.say({"event": "connected", "protocol": "Call"})
    token = {"customParameters": {"token": "t"}}

    assert client.say({**START, "start": token}) == [Begin(MULAW, "t")]
    assert client.conversation.phase is Phase.STARTED


def test_twilio_is_told_nothing_that_it_does_not_know() -> None:
    conversation = Client().start().conversation

    assert conversation.begun(BEGUN) == []
    assert conversation.ping(NOW_NS) == []
    assert conversation.ask_to_move(MOVE) == []
    assert set(json.loads(conversation.media(a_frame(conversation)))["media"]) == {"payload"}


def a_frame(conversation: Conversation) -> Any:
    packet = build_packet(bytes(160), payload_type=0, sequence=9, timestamp=160, ssrc=1)
    return conversation.frame(packet)


@pytest.mark.parametrize("dialect", EXTENDED)
def test_the_extensions_tell_what_was_begun(dialect: Dialect) -> None:
    (started,) = said(Client(dialect).start(OPUS).conversation.begun(BEGUN))

    assert started["streamSid"] == "MZ1"
    assert started["session"]["id"] == "label"
    assert started["session"]["mediaFormat"]["encoding"] == "audio/opus"
    assert started["session"]["variant"] == "websocket"
    assert started["session"]["resumeToken"] == "token"
    assert started["session"]["resumed"] is False
    assert "pod" not in started["session"]
    assert started["session"].get("payloadType") == (111 if dialect is Dialect.RTP else None)


def test_a_stream_without_a_name_gets_one() -> None:
    client = Client(Dialect.JSON)
    client.say({"event": "start"})
    client.conversation.name_stream(None)

    (started,) = said(client.conversation.begun(BEGUN))

    assert started["streamSid"] == "MZnew"


def test_a_frame_becomes_a_packet_and_its_echo_the_same_frame() -> None:
    client = Client(Dialect.JSON).start()

    (relay,) = client.speak(b"\x7f" * 160, chunk=41, timestamp=820)
    assert isinstance(relay, Relay)
    assert parse_header(relay.packet).ssrc == SSRC
    echo = json.loads(client.conversation.media(client.conversation.frame(relay.packet)))

    assert echo["media"] == {
        "payload": base64.b64encode(b"\x7f" * 160).decode(),
        "chunk": 41,
        "timestamp": 820,
        "track": "outbound",
    }


def test_a_packet_lasts_as_long_as_its_payload() -> None:
    conversation = Client(Dialect.RTP).start(MULAW).conversation
    packet = build_packet(bytes(240), payload_type=0, sequence=1, timestamp=0, ssrc=7)
    padded = bytes([packet[0] | 0x20]) + packet[1:] + bytes([0, 2])

    assert conversation.duration_ms(packet) == conversation.duration_ms(padded) == 30


def test_a_packet_passes_as_it_is_under_rtp() -> None:
    client = Client(Dialect.RTP).start(OPUS)
    packet = build_packet(
        bytes([31 << 3, 1, 2]), payload_type=111, sequence=1, timestamp=960, ssrc=7
    )

    assert client.conversation.receive_binary(packet, NOW_NS) == [Relay(packet)]


@pytest.mark.parametrize("dialect", EXTENDED)
def test_a_ping_is_answered_with_its_own_number(dialect: Dialect) -> None:
    client = Client(dialect)

    (pong,) = said(client.say({"event": "ping", "t": 77}))

    assert pong == {"event": "pong", "t": 77, "s": 5000}


def test_a_pong_measures_the_round_trip() -> None:
    client = Client(Dialect.JSON).start()
    (ping,) = said(client.conversation.ping(NOW_NS))

    actions = client.say({"event": "pong", "t": ping["t"]}, NOW_NS + 30_000_000)

    assert actions == [Note(ListenerReception(round_trip_s=0.03))]


def test_what_the_client_counted_is_noted() -> None:
    client = Client(Dialect.JSON).start()

    stats = {"lost": 3, "jitterMs": 2, "bufferedMs": 60, "underruns": 1}
    actions = client.say({"event": "stats", **stats})

    heard = ListenerReception(packets_lost=3, jitter_s=0.002, buffered_s=0.06, underruns=1)
    assert actions == [Note(heard)]


def test_keys_and_marks_harm_nothing() -> None:
    client = Client().start()

    assert client.say({"event": "dtmf", "dtmf": {"digit": "5"}}) == []
    assert client.say({"event": "mark", "mark": {"name": "m"}}) == []


def test_a_stop_ends_the_call_and_nothing_is_heard_after_it() -> None:
    client = Client().start()

    assert client.say({"event": "stop"}) == [Close(CloseCode.NORMAL, "stopped", is_hang_up=True)]
    assert client.speak() == []


@pytest.mark.parametrize(
    "message",
    [
        {"event": "media", "media": {"payload": ""}},
        {"event": "stop"},
        {"event": "mark", "mark": {"name": "m"}},
        {"event": "clear"},
        {"event": "dtmf", "dtmf": {"digit": "1"}},
    ],
    ids=lambda message: message["event"],
)
def test_before_the_start_nothing_else_can_be_said(message: dict[str, Any]) -> None:
    client = Client(Dialect.JSON)
    client.say(message)

    assert client.error["code"] == ErrorCode.NOT_STARTED
    assert client.close.code is CloseCode.POLICY


def test_a_call_begins_once() -> None:
    client = Client(Dialect.JSON).start()
    client.say(START)

    assert client.error["code"] == ErrorCode.ALREADY_STARTED


@pytest.mark.parametrize("event", [{"event": "ping", "t": 1}, {"event": "stats"}])
def test_extensions_need_their_subprotocol(event: dict[str, Any]) -> None:
    client = Client()
    client.say(event)

    assert client.actions == [client.close]
    assert client.close.code is CloseCode.UNSUPPORTED
    assert "vm.v2.json" in client.close.reason


@pytest.mark.parametrize(
    ("payload", "code"),
    [("%%%", ErrorCode.INVALID_PAYLOAD), ("A" * 1000, ErrorCode.FRAME_TOO_LONG)],
)
def test_a_payload_that_cannot_be_taken_ends_the_call(payload: str, code: ErrorCode) -> None:
    client = Client(Dialect.JSON).start()
    client.say({"event": "media", "media": {"payload": payload}})

    assert client.error["code"] == code
    assert client.close.code is CloseCode.INVALID


def test_a_form_that_there_is_not_is_refused() -> None:
    client = Client(Dialect.JSON)
    client.say({**START, "start": {"mediaFormat": {"encoding": "audio/mpeg"}}})

    assert client.error["code"] == ErrorCode.UNSUPPORTED_FORMAT
    assert client.close.code is CloseCode.UNSUPPORTED


@pytest.mark.parametrize("dialect", [Dialect.TWILIO, Dialect.JSON])
def test_binary_messages_need_their_subprotocol(dialect: Dialect) -> None:
    client = Client(dialect).start()

    *_, close = client.conversation.receive_binary(bytes(20), NOW_NS)

    assert isinstance(close, Close)
    assert close.code is CloseCode.UNSUPPORTED


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        bytes(12),
        build_packet(bytes(2), payload_type=111, sequence=1, timestamp=0, ssrc=1),
        build_packet(bytes(3), payload_type=96, sequence=1, timestamp=0, ssrc=1),
        build_packet(bytes(6000), payload_type=96, sequence=1, timestamp=0, ssrc=1),
    ],
    ids=["empty", "no version", "another type", "half a sample", "too long"],
)
def test_a_binary_message_that_is_no_packet_of_the_form_ends_the_call(packet: bytes) -> None:
    client = Client(Dialect.RTP).start(L16[16000])

    *_, close = client.conversation.receive_binary(packet, NOW_NS)

    assert isinstance(close, Close)
    assert client.conversation.phase is Phase.ENDED


@pytest.mark.parametrize("dialect", EXTENDED)
def test_a_client_is_asked_to_move_with_the_time_that_it_has(dialect: Dialect) -> None:
    (reconnect,) = said(Client(dialect).start().conversation.ask_to_move(MOVE))

    assert reconnect == {
        "event": "reconnect",
        "reason": "draining",
        "after": "2026-11-25T07:00:00Z",
        "withinMs": 5000,
        "resumeToken": "token",
    }


def test_a_broken_frame_ends_the_conversation_without_a_word() -> None:
    client = Client(Dialect.JSON).start()

    assert client.conversation.break_off(1002) == [Close(CloseCode.PROTOCOL, "a broken frame")]
    assert client.speak() == []


def test_who_never_starts_is_told_so() -> None:
    *_, close = Client().conversation.miss_start()

    assert isinstance(close, Close)
    assert close.code is CloseCode.POLICY


def test_a_call_that_moves_asks_to_take_over_and_keeps_its_name() -> None:
    client = Client(Dialect.JSON)

    (begin,) = client.say({"event": "start", "start": {"resumeToken": "sealed"}})
    assert begin == Begin(MULAW, None, "sealed")
    assert client.conversation.name_stream("MZold") == "MZold"
    begun = Begun("label", "next", is_resumed=True, variant=Variant.WEBRTC, pod="pod-1")
    (started,) = said(client.conversation.begun(begun))

    assert started["streamSid"] == "MZold"
    session = started["session"]
    assert (session["resumed"], session["variant"], session["pod"]) == (True, "webrtc", "pod-1")


def test_the_name_that_the_client_gives_goes_before_that_of_the_call_it_resumes() -> None:
    assert Client(Dialect.JSON).start().conversation.name_stream("MZold") == "MZ1"


@pytest.mark.parametrize("dialect", EXTENDED)
def test_a_resume_that_fails_is_told_and_ends_nothing(dialect: Dialect) -> None:
    conversation = Client(dialect).start().conversation

    (error,) = said(conversation.fail_resume("expired"))

    assert (error["code"], error["message"]) == ("resume_failed", "expired")
    assert conversation.phase is Phase.STARTED


def test_twilio_is_never_told_of_a_resume() -> None:
    assert Client().start().conversation.fail_resume("expired") == []


@pytest.mark.parametrize("dialect", Dialect)
def test_a_mark_that_comes_back_measures_the_playing_in_every_dialect(dialect: Dialect) -> None:
    client = Client(dialect).start()
    assert client.conversation.mark(NOW_NS) is None
    text = client.conversation.mark(NOW_NS + MARK_NS)
    assert text is not None
    mark = check("server", json.loads(text))
    assert mark["streamSid"] == "MZ1"

    returned = {"event": "mark", "streamSid": "MZ1", "mark": mark["mark"]}
    actions = client.say(returned, NOW_NS + MARK_NS + 80_000_000)

    assert actions == [Note(ListenerReception(playout_s=0.08))]


@pytest.mark.parametrize("dialect", Dialect)
def test_a_clear_empties_what_waits_and_is_passed_on_in_every_dialect(dialect: Dialect) -> None:
    actions = Client(dialect).start().say({"event": "clear", "streamSid": "MZ1"})

    assert actions[0] == Clear()
    assert said(actions) == [{"event": "clear", "streamSid": "MZ1"}]


def test_a_mark_that_a_clear_brought_back_measures_nothing() -> None:
    client = Client().start()
    client.conversation.mark(NOW_NS)
    text = client.conversation.mark(NOW_NS + MARK_NS)
    assert text is not None
    client.say({"event": "clear"})

    assert client.say({"event": "mark", "mark": json.loads(text)["mark"]}) == []


@pytest.mark.parametrize("dialect", EXTENDED)
def test_a_flood_of_messages_ends_the_call(dialect: Dialect) -> None:
    client = Client(dialect)
    for t in range(MESSAGES.burst):
        client.say({"event": "ping", "t": t})

    client.say({"event": "ping", "t": 0})

    assert client.error["code"] == ErrorCode.TOO_MANY_MESSAGES
    assert client.close.code is CloseCode.POLICY


def test_pings_of_the_socket_count_as_messages() -> None:
    conversation = Client().start().conversation
    while not (actions := conversation.receive_ping(NOW_NS)):
        pass

    assert isinstance(actions[-1], Close)


def test_five_times_the_shortest_frames_are_no_flood() -> None:
    client = Client(Dialect.JSON).start()
    step_ns = 2_000_000

    ends = [client.conversation.receive_ping(NOW_NS + n * step_ns) for n in range(5000)]

    assert not any(ends)


def test_a_message_over_the_limit_is_named() -> None:
    client = Client(Dialect.JSON).start()
    client.blurt({"event": "media", "media": {"payload": "A" * 65536}})

    assert client.error["code"] == ErrorCode.MESSAGE_TOO_BIG
    assert client.close.code is CloseCode.TOO_BIG


def test_a_packet_over_the_limit_is_named() -> None:
    client = Client(Dialect.RTP).start()
    client.actions = client.conversation.receive_binary(bytes(65537), NOW_NS)

    assert client.error["code"] == ErrorCode.MESSAGE_TOO_BIG
