"""The documents of the directory."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_server.registry_port import (
    Alone,
    InstanceRecord,
    InstanceState,
    SessionRecord,
)
from voicemedia_server.sessions.sound import Transport

SESSIONS = st.builds(
    SessionRecord,
    st.text(),
    st.text(),
    st.sampled_from(Transport),
    st.floats(0, 1e10, allow_nan=False),
)
COUNTS = st.integers(0, 10**9)
INSTANCES = st.builds(
    InstanceRecord,
    st.text(),
    COUNTS,
    st.builds(InstanceState, st.text(), st.text(), COUNTS, COUNTS, st.booleans()),
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
