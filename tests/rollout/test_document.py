"""The flag document: what people decide, and what flagd reads."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicemedia_rollout.document import (
    FLAG_KEY,
    KEYS,
    Cause,
    DocumentMalformed,
    Override,
    Rollout,
    Subject,
    Variant,
    key_of,
    read_document,
    write_document,
)

names = st.text(min_size=1, max_size=20)
overrides = st.lists(
    st.builds(
        Override, subject=st.sampled_from(Subject), name=names, variant=st.sampled_from(Variant)
    ),
    max_size=5,
    unique_by=lambda one: (one.subject, one.name),
).map(tuple)
rollouts = st.builds(
    Rollout,
    revision=st.integers(1, 1 << 40),
    weight_percent=st.floats(0, 100),
    is_killed=st.booleans(),
    overrides=overrides,
    reason=st.text(max_size=20),
)


@given(rollouts)
def test_what_is_written_is_read_again(rollout: Rollout) -> None:
    assert read_document(write_document(rollout)) == rollout


@given(rollouts)
def test_every_document_has_the_members_that_flagd_asks_for(rollout: Rollout) -> None:
    flag = json.loads(write_document(rollout))["flags"][FLAG_KEY]

    assert flag["state"] == "ENABLED"
    assert flag["defaultVariant"] in flag["variants"]
    assert flag["metadata"]["revision"] == rollout.revision
    assert ("targeting" in flag) is not rollout.is_killed


def test_a_key_tells_the_variant_and_why() -> None:
    assert key_of(Variant.WEBRTC) == "webrtc"
    assert key_of(Variant.WEBRTC, Cause.OVERRIDE) == "webrtc-by-override"
    assert KEYS["websocket-by-kill"] == (Variant.WEBSOCKET, Cause.KILL)


def test_a_change_is_the_next_revision_and_says_who_and_why() -> None:
    changed = Rollout(revision=4).changed(
        by="anna", reason="half", now_unix_s=1700, weight_percent=50
    )

    assert (changed.revision, changed.weight_percent) == (5, 50)
    assert (changed.changed_by, changed.reason, changed.changed_unix_s) == ("anna", "half", 1700)


def test_a_change_out_of_range_is_refused_by_its_name() -> None:
    with pytest.raises(DocumentMalformed, match=r"rollout\.weightPercent"):
        Rollout().changed(by="", reason="", now_unix_s=0, weight_percent=101)


def test_an_override_takes_the_place_of_the_one_before() -> None:
    first = Override(subject=Subject.CLIENT, name="a", variant=Variant.WEBRTC)
    second = Override(subject=Subject.CLIENT, name="a", variant=Variant.WEBSOCKET)
    rollout = Rollout(overrides=(first,))

    assert rollout.with_override(second) == (second,)
    assert rollout.without_override(Subject.CLIENT, "a") == ()
    assert rollout.without_override(Subject.TENANT, "a") == (first,)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"flags": {}}', "not written by voicemedia"),
        ('{"rollout": {"weightPercent": "many"}}', r"rollout\.weightPercent"),
        ('{"rollout": {"wieght": 5}}', r"rollout\.wieght"),
        ('{"rollout": {"revision": 0}}', r"rollout\.revision"),
        (
            '{"rollout": {"overrides": ['
            '{"subject": "client", "name": "a", "variant": "webrtc"},'
            '{"subject": "client", "name": "a", "variant": "websocket"}]}}',
            "twice",
        ),
    ],
)
def test_a_document_that_cannot_be_read_says_where(text: str, fault: str) -> None:
    with pytest.raises(DocumentMalformed, match=fault):
        read_document(text)
