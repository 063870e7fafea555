"""What the flag says: OpenFeature and flagd's evaluator over our documents."""

from __future__ import annotations

import json
from itertools import pairwise
from uuid import NAMESPACE_DNS, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicemedia_rollout.document import (
    FLAG_KEY,
    DocumentMalformed,
    Override,
    Rollout,
    Subject,
    Variant,
    write_document,
)
from voicemedia_server.flags.evaluation import Flags
from voicemedia_server.routing.decision import Evaluation

CLIENTS = [str(uuid5(NAMESPACE_DNS, str(number))) for number in range(10_000)]
"""As a page draws its own; by chance alone (binomial) half of them is off by 0.5 points."""


nonsense = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def flags_of(rollout: Rollout) -> Flags:
    flags = Flags()
    flags.take(write_document(rollout))
    return flags


def given_webrtc(rollout: Rollout) -> set[str]:
    flags = flags_of(rollout)
    return {client for client in CLIENTS if flags.evaluate(client) == Evaluation("webrtc", 1)}


def test_before_the_first_document_there_is_nothing_to_say() -> None:
    assert Flags().evaluate("anna") is None


@pytest.mark.parametrize("percent", [0, 0.5, 5, 50, 100])
def test_the_split_is_within_a_point_of_its_share(percent: float) -> None:
    share = 100 * len(given_webrtc(Rollout(weight_percent=percent))) / len(CLIENTS)

    assert abs(share - percent) < 1
    assert percent not in (0, 100) or share == percent


def test_widening_the_split_never_moves_anyone_out_of_webrtc() -> None:
    shares = [given_webrtc(Rollout(weight_percent=percent)) for percent in (1, 5, 20, 60, 100)]

    assert all(small < large for small, large in pairwise(shares))


def test_taking_the_split_back_and_widening_it_again_gives_everybody_the_same() -> None:
    flags = flags_of(Rollout(weight_percent=30))
    before = [flags.evaluate(client) for client in CLIENTS[:500]]

    flags.take(write_document(Rollout(weight_percent=0)))
    flags.take(write_document(Rollout(weight_percent=30)))

    assert [flags.evaluate(client) for client in CLIENTS[:500]] == before


def test_a_listed_client_goes_before_its_tenant_and_both_before_the_split() -> None:
    flags = flags_of(
        Rollout(
            weight_percent=0,
            overrides=(
                Override(subject=Subject.TENANT, name="acme", variant=Variant.WEBRTC),
                Override(subject=Subject.CLIENT, name="bob", variant=Variant.WEBSOCKET),
            ),
        )
    )

    assert flags.evaluate("anna") == Evaluation("websocket", 1)
    assert flags.evaluate("anna", "acme") == Evaluation("webrtc-by-override", 1)
    assert flags.evaluate("bob", "acme") == Evaluation("websocket-by-override", 1)


def test_the_kill_switch_goes_before_all() -> None:
    override = Override(subject=Subject.CLIENT, name="anna", variant=Variant.WEBRTC)
    flags = flags_of(Rollout(weight_percent=100, is_killed=True, overrides=(override,)))

    assert flags.evaluate("anna") == Evaluation("websocket-by-kill", 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"flags": []}',
        '{"flags": {"voice-transport": 3}}',
        '{"flags": {"voice-transport": {"state": "MAYBE", "variants": {"a": "b"}}}}',
        '{"flags": {"voice-transport": {"state": "ENABLED"}}}',
    ],
)
def test_a_document_that_cannot_be_read_leaves_the_last_one_in_force(text: str) -> None:
    flags = flags_of(Rollout(revision=3, weight_percent=100))

    with pytest.raises(DocumentMalformed):
        flags.take(text)

    assert flags.evaluate("anna") == Evaluation("webrtc", 3)


@settings(max_examples=50)
@given(nonsense)
def test_targeting_that_makes_no_sense_harms_nobody(targeting: object) -> None:
    flag = {
        "state": "ENABLED",
        "variants": {"webrtc": "webrtc"},
        "defaultVariant": "webrtc",
        "targeting": targeting,
    }
    flags = Flags()

    try:
        flags.take(json.dumps({"flags": {FLAG_KEY: flag}}))
    except DocumentMalformed:
        return
    assert flags.evaluate("anna") is not None


def test_a_disabled_flag_and_a_missing_one_say_nothing() -> None:
    flags = Flags()
    flags.take('{"flags": {}}')
    missing = flags.evaluate("anna")
    disabled = {"state": "DISABLED", "variants": {"on": "webrtc"}, "defaultVariant": "on"}
    flags.take(json.dumps({"flags": {FLAG_KEY: disabled}}))

    assert missing == Evaluation(None, 0)
    assert flags.evaluate("anna") == Evaluation(None, 0)


def test_a_document_by_another_hand_counts_by_its_value() -> None:
    flag = {"state": "ENABLED", "variants": {"on": "webrtc"}, "defaultVariant": "on"}
    flags = Flags()

    flags.take(json.dumps({"flags": {FLAG_KEY: flag}, "metadata": {"revision": 12}}))

    assert flags.evaluate("anna") == Evaluation("webrtc", 12)


def test_two_servers_in_a_process_have_flags_of_their_own() -> None:
    first = flags_of(Rollout(weight_percent=100))
    flags_of(Rollout(weight_percent=0))

    assert first.evaluate("anna") == Evaluation("webrtc", 1)
