"""The documents of the audit."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_rollout.document import Variant
from voicemedia_server.audit import AuditEntry, Happening, SessionFacts
from voicemedia_server.routing.outcome import Outcome
from voicemedia_server.sessions.lifecycle import CloseReason
from voicemedia_server.sessions.sound import Transport

FACTS = st.builds(
    SessionFacts,
    st.text(),
    st.none() | st.sampled_from(Transport),
    st.none() | st.sampled_from(Variant),
    st.none() | st.sampled_from(CloseReason),
    st.none() | st.sampled_from(Outcome),
)
ENTRIES = st.builds(
    AuditEntry,
    st.sampled_from(Happening),
    st.text(),
    st.floats(0, 1e10, allow_nan=False),
    st.none() | FACTS,
    st.none() | st.integers(0, 10**15),
)
ENTRY = AuditEntry(
    Happening.ENDED,
    "one",
    1.5,
    SessionFacts("label", Transport.WEBSOCKET, None, CloseReason.MOVED, Outcome.OK),
)


@given(ENTRIES)
def test_an_entry_is_read_as_it_was_written(entry: AuditEntry) -> None:
    assert AuditEntry.decode(entry.encode()) == entry


def test_an_entry_has_the_members_that_are_known_and_no_others() -> None:
    assert json.loads(ENTRY.encode()) == {
        "happening": "ended",
        "instance": "one",
        "at_unix_s": 1.5,
        "label": "label",
        "transport": "websocket",
        "reason": "moved",
        "outcome": "ok",
    }


def test_members_that_are_new_are_passed_over() -> None:
    newer = {**json.loads(ENTRY.encode()), "news": 1}

    assert AuditEntry.decode(json.dumps(newer)) == ENTRY


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "7", '{"happening": "opened"}'),
        '{"happening": "vanished", "instance": "one", "at_unix_s": 1}',
        '{"happening": "opened", "instance": "one", "at_unix_s": null}',
    ],
)
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"entry|Expecting|vanished"):
        AuditEntry.decode(text)
