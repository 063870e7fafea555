"""What an instance says of its sessions."""

from __future__ import annotations

import time

from voicemedia_rollout.document import Variant
from voicemedia_server.registry.membership import Membership
from voicemedia_server.routing.decision import Decision, DecisionReason
from voicemedia_server.sessions.sound import Transport


def test_a_record_is_of_this_instance_and_opened_now() -> None:
    before_unix_s = time.time()

    decision = Decision(Variant.WEBRTC, DecisionReason.FLAG, 7, "acme")

    record = Membership("fleet", "one").record("label", Transport.WEBRTC, decision)

    assert (record.label, record.instance) == ("label", "one")
    assert record.decision == decision
    assert 0 <= record.opened_unix_s - before_unix_s + 0.001 < 1


def test_a_lease_outlives_many_beats_that_are_missed() -> None:
    membership = Membership("fleet", "one")

    assert membership.lease_s >= 10 * membership.beat_s
