"""What an instance says of its sessions."""

from __future__ import annotations

import time

from voicemedia_server.registry.membership import Membership
from voicemedia_server.sessions.sound import Transport


def test_a_record_is_of_this_instance_and_opened_now() -> None:
    before_unix_s = time.time()

    record = Membership("fleet", "one").record("label", Transport.WEBRTC)

    assert (record.label, record.instance) == ("label", "one")
    assert 0 <= record.opened_unix_s - before_unix_s + 0.001 < 1


def test_a_lease_outlives_many_beats_that_are_missed() -> None:
    membership = Membership("fleet", "one")

    assert membership.lease_s >= 10 * membership.beat_s
