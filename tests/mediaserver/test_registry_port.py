"""The documents of the directory."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_rollout.document import Variant
from voicemedia_server.registry_port import (
    Alone,
    InstanceRecord,
    InstanceState,
    SessionRecord,
)
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.sessions.sound import Transport

DECISIONS = st.builds(
    Decision,
    st.sampled_from(Variant),
    st.sampled_from(DecisionReason),
    st.integers(0, 10**9),
    st.none() | st.text(),
)
SESSIONS = st.builds(
    SessionRecord,
    st.text(),
    st.text(),
    st.sampled_from(Transport),
    st.floats(0, 1e10, allow_nan=False),
    st.none() | DECISIONS,
)
COUNTS = st.integers(0, 10**9)
INSTANCES = st.builds(
    InstanceRecord,
    st.text(),
    COUNTS,
    st.builds(
        InstanceState,
        st.text(),
        st.text(),
        COUNTS,
        COUNTS,
        st.booleans(),
        is_public=st.booleans(),
    ),
)


@given(SESSIONS)
def test_a_record_of_a_session_is_read_as_it_was_written(record: SessionRecord) -> None:
    assert SessionRecord.decode(record.encode()) == record


@given(INSTANCES)
def test_a_record_of_an_instance_is_read_as_it_was_written(record: InstanceRecord) -> None:
    assert InstanceRecord.decode(record.encode()) == record


def test_members_that_are_new_are_passed_over() -> None:
    record = SessionRecord("label", "one", Transport.WEBRTC, 1.0)
    newer = {**json.loads(record.encode()), "news": 1}

    assert SessionRecord.decode(json.dumps(newer)) == record


@pytest.mark.parametrize(
    ("changes", "free"),
    [
        ({}, 3),
        ({"is_public": False}, 0),
        ({"is_draining": True}, 0),
        ({"sessions": 10}, 0),
        ({"sessions": 11}, 0),
    ],
)
def test_only_who_takes_sessions_has_free_places(changes: dict[str, Any], free: int) -> None:
    state = InstanceState("http://example.test", "1", 10, 7, is_draining=False, is_public=True)

    assert replace(state, **changes).free_places == free


def test_an_older_instance_is_not_public() -> None:
    state = InstanceState("http://example.test", "1", 10, 7, is_draining=False, is_public=True)
    document = json.loads(InstanceRecord("one", 1, state).encode())
    del document["is_public"]

    assert not InstanceRecord.decode(json.dumps(document)).state.is_public


def test_a_decision_stands_beside_what_is_known_of_every_session() -> None:
    decision = Decision(Variant.WEBRTC, DecisionReason.FLAG, 7, "acme")

    record = SessionRecord("label", "one", Transport.WEBSOCKET, 1.0, decision)

    assert json.loads(record.encode()) == {
        "label": "label",
        "instance": "one",
        "transport": "websocket",
        "opened_unix_s": 1.0,
        "variant": "webrtc",
        "reason": "flag",
        "revision": 7,
        "tenant": "acme",
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", '{"label": null}'])
def test_what_is_no_record_is_refused(text: str) -> None:
    for record in (SessionRecord, InstanceRecord):
        with pytest.raises(ValueError, match=r"record|Expecting"):
            record.decode(text)


async def test_who_belongs_to_no_fleet_always_has_a_place() -> None:
    alone = Alone()
    for number in range(3):
        await alone.claim(alone.record(str(number), Transport.WEBSOCKET))
    await alone.end("0")
